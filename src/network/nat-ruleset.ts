/** EC2 forgets a NAT gateway's connection that is silent for so long ("NAT gateway basics"). */
const natIdleSeconds = 350

/**
 * The nftables ruleset of a NAT gateway's namespace: whatever is carried on leaves with the gateway's private address, and
 * the gateway itself answers nobody. It may be loaded again: the kernel takes the time limits of connections that stand from the objects
 * here, so the table stays and its chains are filled anew. Pure.
 *
 * What was silent for too long is forgotten, and a guest that goes on with it is told by a reset, as on EC2. A datagram without an answer is
 * forgotten as soon as the kernel does that by itself: one guest must not fill the table that all share.
 */
export function natRuleset(address: string, idleSeconds = natIdleSeconds): string {
  return [
    'table ip nat_gateway {',
    `  ct timeout silent_tcp { protocol tcp; l3proto ip; policy = { established : ${idleSeconds} }; }`,
    `  ct timeout silent_udp { protocol udp; l3proto ip; policy = { replied : ${idleSeconds} }; }`,
    '  chain input { type filter hook input priority filter; policy drop; }',
    '  chain forward { type filter hook forward priority filter; policy accept; }',
    '  chain postrouting { type nat hook postrouting priority srcnat; policy accept; }',
    '}',
    ...['forward', 'postrouting'].map((chain) => `flush chain ip nat_gateway ${chain}`),
    'table ip nat_gateway {',
    '  chain forward {',
    '    ct state invalid drop',
    // The kernel would take it for the beginning of a connection.
    '    ct state new tcp flags & (fin | syn | rst | ack) != syn reject with tcp reset',
    '    ct state new meta l4proto tcp ct timeout set "silent_tcp"',
    '    ct state new meta l4proto udp ct timeout set "silent_udp"',
    '  }',
    '  chain postrouting {',
    `    snat to ${address}`,
    '  }',
    '}',
    '',
  ].join('\n')
}
