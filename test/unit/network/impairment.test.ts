import { describe, expect, test } from 'vitest'
import { delayBatch } from '../../../src/network/impairment.ts'
import { impairmentRuleset } from '../../../src/network/impairment-ruleset.ts'

describe('the ruleset of faults', () => {
  test('only takes the last one away when there are none', () => {
    expect(impairmentRuleset({ interfaces: [], partitions: [] }, '10.0.0.2')).toBe(
      'table inet impairments\ndelete table inet impairments\n',
    )
  })

  test('has sets for partitions, and rules for what interfaces lose', () => {
    const ruleset = impairmentRuleset(
      {
        interfaces: [
          { tapName: 'eni5', lossPercent: 2.5, rateKbitPerSecond: 8000 },
          { tapName: 'eni6', dns: 'refused', isMetadataSilent: true },
          { tapName: 'eni7', dns: 'timeout', delayMs: 100 },
        ],
        partitions: [
          [['10.0.0.5'], ['10.0.0.6', '10.0.0.7']],
          [
            ['10.0.0.5', 'fd12::5'],
            ['10.0.0.8', 'fd12::8'],
          ],
        ],
      },
      '10.0.0.2',
    )
    expect(ruleset).toMatchInlineSnapshot(`
      "table inet impairments
      delete table inet impairments
      table inet impairments {
        set partition_0_a { type ipv4_addr; elements = { 10.0.0.5 }; }
        set partition_0_b { type ipv4_addr; elements = { 10.0.0.6, 10.0.0.7 }; }
        set partition_1_a { type ipv4_addr; elements = { 10.0.0.5 }; }
        set partition_1_b { type ipv4_addr; elements = { 10.0.0.8 }; }
        set partition_1_a6 { type ipv6_addr; elements = { fd12::5 }; }
        set partition_1_b6 { type ipv6_addr; elements = { fd12::8 }; }
        chain forward {
          type filter hook forward priority filter - 10; policy accept;
          ip saddr @partition_0_a ip daddr @partition_0_b drop
          ip saddr @partition_0_b ip daddr @partition_0_a drop
          ip saddr @partition_1_a ip daddr @partition_1_b drop
          ip saddr @partition_1_b ip daddr @partition_1_a drop
          ip6 saddr @partition_1_a6 ip6 daddr @partition_1_b6 drop
          ip6 saddr @partition_1_b6 ip6 daddr @partition_1_a6 drop
          iifname "eni5" numgen random mod 10000 < 250 drop
          iifname "eni5" limit rate over 1000000 bytes/second burst 100000 bytes drop
          oifname "eni5" numgen random mod 10000 < 250 drop
          oifname "eni5" limit rate over 1000000 bytes/second burst 100000 bytes drop
        }
        chain input {
          type filter hook input priority filter - 10; policy accept;
          iifname "eni5" numgen random mod 10000 < 250 drop
          iifname "eni5" limit rate over 1000000 bytes/second burst 100000 bytes drop
          iifname "eni6" ip daddr { 169.254.169.253, 10.0.0.2 } meta l4proto { tcp, udp } th dport { 53, 5301 } reject
          iifname "eni6" ip6 daddr fd00:ec2::253 meta l4proto { tcp, udp } th dport { 53, 5301 } reject
          iifname "eni6" ip daddr 169.254.169.254 tcp dport 80 drop
          iifname "eni6" ip6 daddr fd00:ec2::254 tcp dport 80 drop
          iifname "eni7" ip daddr { 169.254.169.253, 10.0.0.2 } meta l4proto { tcp, udp } th dport { 53, 5301 } drop
          iifname "eni7" ip6 daddr fd00:ec2::253 meta l4proto { tcp, udp } th dport { 53, 5301 } drop
        }
        chain output {
          type filter hook output priority filter - 10; policy accept;
          oifname "eni5" numgen random mod 10000 < 250 drop
          oifname "eni5" limit rate over 1000000 bytes/second burst 100000 bytes drop
        }
      }
      "
    `)
  })
})

describe('the delays of taps', () => {
  const shown = [
    'qdisc noqueue 0: dev lo root refcnt 2 ',
    'qdisc netem 8001: dev eni5 root refcnt 2 limit 10000 delay 100ms',
    'qdisc netem 8002: dev eni6 root refcnt 2 limit 10000 delay 1s',
    'qdisc fq_codel 0: dev eni7 root refcnt 2 limit 10240p flows 1024',
    '',
  ].join('\n')

  test('go where none is wanted, and are set where one is', () => {
    expect(delayBatch(new Map([['eni6', 'delay 1000ms 50ms']]), shown)).toEqual([
      'qdisc del dev eni5 root',
      'qdisc replace dev eni6 root netem limit 10000 delay 1000ms 50ms',
    ])
  })

  test('are left alone where there are none', () => {
    expect(delayBatch(new Map(), 'qdisc noqueue 0: dev lo root refcnt 2 ')).toEqual([])
  })
})
