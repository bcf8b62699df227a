"""Records: models that people edit, with a history. What a model says of itself besides its fields and constraints:

Every model that belongs to a province or to another record:
  PROVINCE_PATH       path to the id of the province; empty for records that belong to all
  OWNER               foreign key to the record on whose page its changes stand; empty for one with a page of its own
Where some may change more than others:
  RESTRICTED_FIELDS   by permission, the fields that need it besides the permission to change the record
  RESTRICTED_CHANGES  the same for existing records; of a new record the fields are free
  FIXED_FIELDS        fields that keep the value they were entered with, each with what to do instead
  SCOPED_LISTS        many-to-many lists to which users add only records within their own scope
  PERSONAL_FIELDS     fields besides those of users that name people: shown where authors are (core/permissions.py)
Where files name its records:
  LOOKUP_CODES        codes by which an import finds a record, and the first of which URLs hold
  LOOKUP_NAMES        names by which an import finds it
  EXPORT_NAMES        names by which an export writes it, in this order
  NAME_RELATIONS      relations that these names need; (None,) for none
Where an error is to stand elsewhere than at the last field of its constraint:
  CONSTRAINT_FIELDS   by constraint (its name without the table), the fields; of a text in two languages the Chinese one
Where records are kept (core/history/models.py):
  NEVER_DELETED       why its records are never deleted, and what to do instead
  APPEND_ONLY         rows are only ever added: they count as part of the record that they belong to
  DELETABLE_ALONE     the foreign key to the record with whose import the only such row may be undone
  FROZEN_STATE        state in which a record is never changed or deleted

The rest follows from fields: a list of records is kept in the history, and a `CodeField` is stored normalized.
"""
