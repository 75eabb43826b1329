"""An Ed25519 key as OpenSSH keeps it (PROTOCOL.key of its sources), of the 32 bytes of its seed and the 32 of its public half."""

import base64
import hashlib
import struct

kind = b'ssh-ed25519'
block = 8


def _string(value):
    return struct.pack('>I', len(value)) + value


def encode_host_key(digits, comment):
    """Answers the private and the public file. `digits`: seed and public key in hexadecimal."""
    key = bytes.fromhex(digits)
    if len(key) != 64:
        raise ValueError('ssh-host-key is to have 128 hexadecimal digits')
    public = _string(kind) + _string(key[32:])
    # Twice the same number, whatever it is: a wrong passphrase would show by it.
    check = hashlib.sha256(key).digest()[:4] * 2
    private = check + _string(kind) + _string(key[32:]) + _string(key) + _string(comment.encode())
    private += bytes(range(1, 1 + -len(private) % block))
    whole = b'openssh-key-v1\0' + _string(b'none') + _string(b'none') + _string(b'')
    whole += struct.pack('>I', 1) + _string(public) + _string(private)
    text = base64.b64encode(whole).decode()
    lines = [text[start : start + 70] for start in range(0, len(text), 70)]
    return (
        '-----BEGIN OPENSSH PRIVATE KEY-----\n%s\n-----END OPENSSH PRIVATE KEY-----\n' % '\n'.join(lines),
        'ssh-ed25519 %s %s\n' % (base64.b64encode(public).decode(), comment),
    )
