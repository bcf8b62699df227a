"""What was on record at the end of a past day: `?known=YYYY-MM-DD`.

The histories hold every version of every record. For a past day, the versions that were current then are written into a
database file of their own, and a database router sends the reads of the request there: each number is computed by the
code that computes it from today's records. Users, sessions, tokens and permissions are always those of today.
"""
