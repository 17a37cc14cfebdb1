#!/bin/sh
# Makes all keys and certificates of this folder anew, valid for a hundred years.
set -eu
cd "$(dirname "$0")"
days=36500

new_key() {
  openssl ecparam -name prime256v1 -genkey -noout | openssl pkcs8 -topk8 -nocrypt -out "$1.key"
  chmod 644 "$1.key"
}

# NAME SUBJECT
new_ca() {
  new_key "$1"
  openssl req -x509 -new -key "$1.key" -subj "/CN=$2" -days $days -out "$1.pem" \
    -addext keyUsage=critical,keyCertSign,cRLSign
}

# NAME SUBJECT [ALTERNATIVE NAMES]: one that ca signs
new_leaf() {
  new_key "$1"
  {
    echo basicConstraints=critical,CA:FALSE
    echo keyUsage=critical,digitalSignature
    echo extendedKeyUsage=serverAuth
    if [ $# -gt 2 ]; then echo "subjectAltName=$3"; fi
  } > extensions
  openssl req -new -key "$1.key" -subj "/CN=$2" |
    openssl x509 -req -CA ca.pem -CAkey ca.key -set_serial "0x$(openssl rand -hex 8)" -days $days \
      -extfile extensions -out "$1.pem"
  rm extensions
}

new_ca ca "netcensus test CA"
new_ca other_ca "another test CA"
rm other_ca.key
new_leaf router router.test IP:127.0.0.1,IP:::1,DNS:localhost,DNS:router.test
new_leaf router_cn 127.0.0.1
new_leaf other_name other.test DNS:other.test
# As openssl makes it if nothing is said: of a CA.
new_key self_signed
openssl req -x509 -new -key self_signed.key -subj /CN=router.test -days $days -out self_signed.pem \
  -addext subjectAltName=IP:127.0.0.1
# With RSA, as routers mostly have them.
openssl req -x509 -newkey rsa:2048 -nodes -keyout router_rsa.key -subj /CN=router.test -days $days -out router_rsa.pem \
  -addext subjectAltName=IP:127.0.0.1
