record="$TRACKER/agencies/mee/"
version=$(curl -sS -o /dev/null -D - "$record" | tr -d '\r' | sed -n 's/^etag: //Ip')

change() {
  curl -sS -o /dev/null -w '%{http_code}\n' -X PATCH "$record" \
    -H "Authorization: Bearer $TOKEN" -H "If-Match: $version" -H "Content-Type: application/json" \
    --data "$1"
}
change '{"note": "Successor of the MEP, 2018"}'
change '{"note": "Sent by a client that read before that"}'
