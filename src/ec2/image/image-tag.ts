/** Tags that an image gets when it is made: what EC2 has no member for. */
export const imageTag = {
  /** Whom `kiln ssh` logs in as. */
  loginUser: 'kiln:login-user',
  /** The recipe that it was built from. */
  recipe: 'kiln:recipe',
  /** The name in the catalogue that it was pulled by. */
  catalog: 'kiln:catalog',
  /** The address or the file that it came from. */
  source: 'kiln:source',
  /** The digest of what was downloaded, as the publisher gives it: `sha256:HEX` or `sha512:HEX`. */
  sourceDigest: 'kiln:source-digest',
  /** The digest under which it was published as a community image. */
  published: 'kiln:published',
} as const
