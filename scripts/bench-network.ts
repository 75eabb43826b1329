// Measures the VPC's packets, each figure beside its reference of the same run, and writes the table into docs/performance.md.
//
//   npm run bench:network                 builds nothing: run `npm run build` first
//   npm run bench:network -- path         only these parts of path, servers, change, metadata and public; nothing is written then
//
// Run it on a quiet machine: every figure is a wall clock's.
import { runParts } from './bench/run-parts.ts'
import { measureGroupChange } from './bench-network/group-change.ts'
import { measureMetadata } from './bench-network/metadata.ts'
import { measurePath } from './bench-network/path.ts'
import { measurePublicPath } from './bench-network/public-path.ts'
import { measureTwoServers } from './bench-network/two-servers.ts'

const isKept = await runParts('bench:network', {
  path: { what: 'what the path costs by itself, and among many', measure: measurePath },
  servers: { what: 'two servers beside the same two on a plain bridge', measure: measureTwoServers },
  change: { what: 'rules that change', measure: measureGroupChange },
  metadata: { what: 'the metadata service', measure: measureMetadata },
  public: { what: "a public address beside QEMU's hostfwd", measure: measurePublicPath },
})
process.exit(isKept ? 0 : 1)
