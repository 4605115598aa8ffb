#!/bin/sh
# Makes openssl.json: one WeChat text message, encrypted and signed with the openssl command line alone.
set -eu
cd "$(dirname "$0")"
app_id=wx0123456789abcdef token=vectortoken
aes_key=MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY  # 0123456789abcdef0123456789abcdef
timestamp=1767225600 nonce=987654321
key_hex=$(printf %s "$aes_key=" | openssl base64 -d -A | od -v -An -tx1 | tr -d ' \n')
iv_hex=$(printf %s "$key_hex" | cut -c1-32)
message='<xml><ToUserName><![CDATA[gh_vector]]></ToUserName><FromUserName><![CDATA[oVector0000000000000000000A]]></FromUserName><CreateTime>1767225590</CreateTime><MsgType><![CDATA[text]]></MsgType><Content><![CDATA[陕西省榆林市神木市大柳塔镇有人无证采煤]]></Content><MsgId>24000000000000001</MsgId></xml>'
work=$(mktemp)
trap 'rm -f "$work"' EXIT
length=$(printf %s "$message" | wc -c)
{
  printf 'abcdefghijklmnop'
  printf "$(printf '\\%03o\\%03o\\%03o\\%03o' $((length >> 24 & 255)) $((length >> 16 & 255)) $((length >> 8 & 255)) $((length & 255)))"
  printf %s "$message$app_id"
} > "$work"
size=$(wc -c < "$work")
padding=$((32 - size % 32))
i=0
while [ $i -lt $padding ]; do printf "$(printf '\\%03o' $padding)" >> "$work"; i=$((i + 1)); done
encrypt=$(openssl enc -aes-256-cbc -nopad -K "$key_hex" -iv "$iv_hex" -in "$work" | openssl base64 -A)
sign() { printf '%s\n' "$@" | LC_ALL=C sort | tr -d '\n' | openssl dgst -sha1 -r | cut -d' ' -f1; }
cat > openssl.json <<EOF
{
  "app_id": "$app_id",
  "token": "$token",
  "aes_key": "$aes_key",
  "timestamp": "$timestamp",
  "nonce": "$nonce",
  "encrypt": "$encrypt",
  "msg_signature": "$(sign "$token" "$timestamp" "$nonce" "$encrypt")",
  "signature": "$(sign "$token" "$timestamp" "$nonce")",
  "msg_id": "24000000000000001",
  "plain_sha256": "$(printf %s "$message" | openssl dgst -sha256 -r | cut -d' ' -f1)"
}
EOF
