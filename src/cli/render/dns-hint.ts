/** Where this host asks for names of instances, and which domains are asked for there. */
export interface DnsPlace {
  readonly address: string
  readonly port: number
  readonly domains: readonly string[]
}

/** What makes a host's resolver ask Kiln, by the resolver. */
export const dnsHints = {
  'systemd-resolved': ({ address, port, domains }: DnsPlace) => [
    '# /etc/systemd/resolved.conf.d/kiln.conf, then: sudo systemctl restart systemd-resolved (246 or later)',
    '[Resolve]',
    `DNS=${address}:${port}`,
    `Domains=${domains.map((domain) => `~${domain}`).join(' ')}`,
  ],
  networkmanager: (place: DnsPlace) => [
    '# /etc/NetworkManager/dnsmasq.d/kiln.conf, where NetworkManager.conf says dns=dnsmasq; then: sudo systemctl restart NetworkManager',
    ...dnsmasqLines(place),
  ],
  dnsmasq: (place: DnsPlace) => [
    '# /etc/dnsmasq.d/kiln.conf, then: sudo systemctl restart dnsmasq',
    ...dnsmasqLines(place),
  ],
} satisfies Record<string, (place: DnsPlace) => string[]>

export type DnsHint = keyof typeof dnsHints

/** Answers are addresses of the loopback, which dnsmasq would take for an attack where it was told to stop DNS rebinding. */
function dnsmasqLines({ address, port, domains }: DnsPlace): string[] {
  return domains.flatMap((domain) => [`server=/${domain}/${address}#${port}`, `rebind-domain-ok=/${domain}/`])
}
