#!/bin/sh
# Installs what the tests need from Debian (root only, missing ones only). Never fails the run: what cannot be had is
# named, and the tests that need it are counted as expected skips (tests/skips.toml).
set -u

missing=""
need() { # need <package> <what for> <test command that succeeds when it is there>
  if ! sh -c "$3" >/dev/null 2>&1; then
    missing="$missing $1"
    echo "tests: $1 is missing ($2)"
  fi
}
need dovecot-imapd "the real IMAP server of the mail tests" "test -x /usr/sbin/dovecot && test -e /usr/lib/dovecot/imap"
need chromium "the browser tests" "command -v chromium || command -v google-chrome"
need fonts-noto-cjk "Chinese text in rendered letters and screens" "fc-list :lang=zh | grep -q . || ls /usr/share/fonts/opentype/noto/NotoSansCJK* /usr/share/fonts/truetype/wqy/*"
need openssl "certificates and independent vectors" "command -v openssl"
need util-linux "user namespaces for PostgreSQL as root, small volumes" "command -v unshare && command -v mount"

[ -z "$missing" ] && exit 0
if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null 2>&1; then
  echo "tests: not root on Debian, so nothing is installed; the tests that need it are skipped:$missing"
  exit 0
fi
echo "tests: installing$missing"
export DEBIAN_FRONTEND=noninteractive
{ apt-get -qq update && apt-get -qq install -y --no-install-recommends $missing; } >/dev/null 2>&1 ||
  for package in $missing; do # one that is not to be had does not keep the others away
    apt-get -qq install -y --no-install-recommends "$package" >/dev/null 2>&1 ||
      echo "tests: $package could not be installed; the tests that need it are skipped"
  done

exit 0
