const systemDirectories = ['/usr/local/sbin', '/usr/sbin', '/sbin']

/** PATH with the directories of nft, dnsmasq and mke2fs, which Debian leaves out of an ordinary user's. */
export function withSystemDirectories(path: string | undefined): string {
  const present = (path ?? '/usr/local/bin:/usr/bin:/bin').split(':').filter((directory) => directory !== '')
  return [...present, ...systemDirectories.filter((directory) => !present.includes(directory))].join(':')
}
