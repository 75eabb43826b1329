import { generateKeyPairSync } from 'node:crypto'
import { type BadInput, missingInstance } from './bad-input.ts'

// Made once, before any connection is open: it blocks for seconds on a busy machine.
const rsa3072 = Buffer.from(
  generateKeyPairSync('rsa', { modulusLength: 3072 }).publicKey.export({ type: 'spki', format: 'pem' }),
)

/** Key pairs and tags. */
export const badKeysAndTags: BadInput[] = [
  [
    'a key name that is taken',
    'CreateKeyPair',
    () => ({ KeyName: 'taken' }),
    'InvalidKeyPair.Duplicate',
    'The keypair already exists',
  ],
  [
    'a key name of 256 characters',
    'CreateKeyPair',
    () => ({ KeyName: 'k'.repeat(256) }),
    'InvalidParameterValue',
    'Length exceeds maximum of 255.',
  ],
  [
    'a key name beyond ASCII',
    'CreateKeyPair',
    () => ({ KeyName: 'schlüssel' }),
    'InvalidParameterValue',
    'Expected printable ASCII characters.',
  ],
  [
    'a key name with a control character',
    'CreateKeyPair',
    () => ({ KeyName: 'a\u0007b' }),
    'InvalidParameterValue',
    'characters that are not allowed',
  ],
  ['a putty key', 'CreateKeyPair', () => ({ KeyName: 'p', KeyFormat: 'ppk' }), 'UnsupportedOperation', 'ppk'],
  [
    'a dry key',
    'CreateKeyPair',
    () => ({ KeyName: 'dry', DryRun: true }),
    'DryRunOperation',
    'Request would have succeeded',
  ],
  [
    'what is no key',
    'ImportKeyPair',
    () => ({ KeyName: 'x', PublicKeyMaterial: Buffer.from('ssh-rsa nothing') }),
    'InvalidKey.Format',
    'Key is not in valid OpenSSH public key format',
  ],
  [
    'two keys at once',
    'ImportKeyPair',
    () => ({ KeyName: 'x', PublicKeyMaterial: Buffer.from('ssh-ed25519 AAAA\nssh-ed25519 BBBB') }),
    'InvalidKey.Format',
    'Key is not in valid OpenSSH public key format',
  ],
  [
    'an RSA key of 3072 bits',
    'ImportKeyPair',
    () => ({ KeyName: 'x', PublicKeyMaterial: rsa3072 }),
    'InvalidKey.Format',
    'Supported lengths are 1024, 2048 and 4096.',
  ],
  [
    'a private key',
    'ImportKeyPair',
    () => ({ KeyName: 'x', PublicKeyMaterial: Buffer.from('-----BEGIN OPENSSH PRIVATE KEY-----\n') }),
    'InvalidKey.Format',
    'A private key was given',
  ],
  [
    'a tag on what is not there',
    'CreateTags',
    () => ({ Resources: [missingInstance], Tags: [{ Key: 'a', Value: 'b' }] }),
    'InvalidInstanceID.NotFound',
    'does not exist',
  ],
  [
    'a tag on what is there and what is not',
    'CreateTags',
    (facts) => ({ Resources: [facts.stoppedId, missingInstance], Tags: [{ Key: 'a', Value: 'b' }] }),
    'InvalidInstanceID.NotFound',
    'does not exist',
  ],
  [
    'a tag on nothing known',
    'CreateTags',
    () => ({ Resources: ['nowhere-1/../..'], Tags: [{ Key: 'a', Value: 'b' }] }),
    'InvalidID',
    "The ID 'nowhere-1/../..' is not valid",
  ],
  [
    'a tag value with a control character',
    'CreateTags',
    (facts) => ({ Resources: [facts.stoppedId], Tags: [{ Key: 'a', Value: '\u001b[2J' }] }),
    'InvalidParameterValue',
    'characters that are not allowed',
  ],
]
