# SPDX-License-Identifier: Apache-2.0 OR MIT
"""Checks and makes packages with pycose and cbor2, from what wasm-manager/package's documentation says of them.

package.py check PACKAGE PUBLIC_KEY        prints the component's name, or fails
package.py sign PACKAGE SECRET_KEY OUTPUT  signs the same manifest anew
package.py command PACKAGE SECRET_KEY OUTPUT  signs it as a command, which no device may take for a package
"""
import hashlib
import sys

import cbor2
from pycose.algorithms import EdDSA
from pycose.headers import KID, Algorithm, ContentType
from pycose.keys import OKPKey
from pycose.keys.curves import Ed25519
from pycose.messages import CoseMessage, Sign1Message

PACKAGE = (b"cofferdam package 1", "application/vnd.cofferdam.manifest+cbor")
COMMAND = (b"cofferdam command 1", "application/vnd.cofferdam.command+cbor")


def check(package, public):
    signed, module = cbor2.loads(package)
    message = CoseMessage.decode(signed)
    assert message.phdr[Algorithm] is EdDSA, message.phdr
    assert message.phdr[ContentType] == PACKAGE[1], message.phdr
    assert message.phdr[KID] == hashlib.sha256(public).digest()[:8], message.phdr
    assert message.uhdr == {}, message.uhdr
    message.key = OKPKey(crv=Ed25519, x=public)
    message.external_aad = PACKAGE[0]
    if not message.verify_signature():
        sys.exit("pycose: bad signature")
    manifest = cbor2.loads(message.payload)
    algorithm, digest = manifest[3][3]
    if algorithm != -16 or digest != hashlib.sha256(module).digest() or manifest[3][14] != len(module):
        sys.exit("pycose: digest mismatch")
    print(manifest[3][0])


def sign(package, secret, purpose):
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    signed, module = cbor2.loads(package)
    payload = CoseMessage.decode(signed).payload
    private = Ed25519PrivateKey.from_private_bytes(secret)
    public = private.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)
    external, content_type = purpose
    message = Sign1Message(
        phdr={Algorithm: EdDSA, ContentType: content_type, KID: hashlib.sha256(public).digest()[:8]},
        uhdr={},
        payload=payload,
        external_aad=external,
    )
    message.key = OKPKey(crv=Ed25519, x=public, d=secret)
    return cbor2.dumps([message.encode(), module])


def main():
    what, package, key = sys.argv[1:4]
    with open(package, "rb") as file:
        package = file.read()
    key = bytes.fromhex(key)
    if what == "check":
        check(package, key)
        return
    purpose = {"sign": PACKAGE, "command": COMMAND}[what]
    with open(sys.argv[4], "wb") as file:
        file.write(sign(package, key, purpose))


main()
