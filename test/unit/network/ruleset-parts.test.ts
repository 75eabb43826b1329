import { describe, expect, test } from 'vitest'
import { changesBetween, inPieces, parseRuleset } from '../../../src/network/ruleset-parts.ts'

const ruleset = `table inet guard {
  set own { type ipv4_addr; }
}
table inet vpc
delete table inet vpc
table inet vpc {
  set members { type ipv4_addr; elements = { 10.0.0.5 }; }
  chain groups {
    tcp dport 1 accept
    tcp dport 2 accept
    tcp dport 3 accept
  }
  chain forward {
    type filter hook forward priority filter; policy drop;
    jump groups
  }
}
`

test('a long ruleset is built in a dormant table, in pieces that declare before they use, and comes into effect at once', () => {
  const pieces = inPieces(parseRuleset(ruleset), { newName: 'vpc_b', oldNames: ['vpc', 'vpc_a'], pieceLength: 150 })
  expect(pieces.join('---\n')).toMatchInlineSnapshot(`
    "table inet guard {
      set own { type ipv4_addr; }
    }
    table inet vpc_b
    delete table inet vpc_b
    ---
    table inet vpc_b {
      flags dormant;
      set members { type ipv4_addr; elements = { 10.0.0.5 }; }
      chain groups {
      }
    }
    ---
    table inet vpc_b {
      flags dormant;
      chain forward {
        type filter hook forward priority filter; policy drop;
      }
    }
    ---
    table inet vpc_b {
      flags dormant;
      chain groups {
        tcp dport 1 accept
        tcp dport 2 accept
        tcp dport 3 accept
      }
      chain forward {
        jump groups
      }
    }
    ---
    table inet vpc_b
    table inet vpc
    delete table inet vpc
    table inet vpc_a
    delete table inet vpc_a
    "
  `)
})

test('a ruleset with no table of its own is none that could be taken apart', () => {
  expect(() => parseRuleset('table inet vpc { }\n')).toThrow('no table')
})

describe('the way from one ruleset to another', () => {
  const change = (...changes: readonly [string, string][]) => {
    const changed = changes.reduce((text, [from, to]) => text.replace(from, to), ruleset)
    return changesBetween(parseRuleset(ruleset), parseRuleset(changed), 'vpc_a')
  }

  test('touches the sets and chains alone that differ', () => {
    expect(change(['10.0.0.5', '10.0.0.6'], ['dport 2', 'dport 9'])).toMatchInlineSnapshot(`
      "flush set inet vpc_a members
      flush chain inet vpc_a groups
      table inet vpc_a {
        set members { type ipv4_addr; elements = { 10.0.0.6 }; }
        chain groups {
          tcp dport 1 accept
          tcp dport 9 accept
          tcp dport 3 accept
        }
      }
      "
    `)
  })

  test('has what stands before the table when that differs', () => {
    expect(change(['set own', 'set other'])).toContain('table inet guard {\n  set other')
  })

  test('is none where other chains, sets, kinds of sets or hooks are wanted', () => {
    expect(change(['chain groups', 'chain others'])).toBeUndefined()
    expect(change(['set members', 'set others'])).toBeUndefined()
    expect(change(['type ipv4_addr; elements', 'type ipv4_addr; flags interval; elements'])).toBeUndefined()
    expect(change(['policy drop', 'policy accept'])).toBeUndefined()
  })
})
