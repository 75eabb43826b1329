import type { InstanceDetail, PublicPortDetail } from '../../api/kiln/instance.ts'

/** How the host reaches an instance's ports, as rows: neighbouring ports that are alike are one. */
export function describePublicPorts(detail: InstanceDetail): [string, string][] {
  return [
    ...runsOf(detail.PublicPorts).map(({ first, last }): [string, string] => {
      const shift = shiftOf(first)
      const hostPorts = renderRange(first.Port + shift, last.Port + shift)
      return [labelOf(first, first.Port, last.Port), first.Problem ?? `${first.PublicIp}:${hostPorts}`]
    }),
    ...detail.PartlyOffered.map((range): [string, string] => [
      labelOf(range, range.FromPort, range.ToPort),
      'too many: the host offers the well-known ones; kiln tunnel and kiln socks reach them all',
    ]),
  ]
}

interface Run {
  readonly first: PublicPortDetail
  readonly last: PublicPortDetail
}

function runsOf(ports: readonly PublicPortDetail[]): Run[] {
  const sorted = ports.toSorted((a, b) => rankOf(a).localeCompare(rankOf(b)))
  const runs: Run[] = []
  for (const port of sorted) {
    const run = runs.at(-1)
    if (run && isNext(run.last, port)) runs[runs.length - 1] = { first: run.first, last: port }
    else runs.push({ first: port, last: port })
  }
  return runs
}

function rankOf({ PublicIp, Protocol, Port }: PublicPortDetail): string {
  return `${PublicIp} ${Protocol} ${String(Port).padStart(5, '0')}`
}

function isNext(last: PublicPortDetail, port: PublicPortDetail): boolean {
  return (
    port.Port === last.Port + 1 &&
    port.PublicIp === last.PublicIp &&
    port.Protocol === last.Protocol &&
    port.Problem === undefined &&
    last.Problem === undefined &&
    shiftOf(port) === shiftOf(last)
  )
}

function shiftOf({ Port, HostPort }: PublicPortDetail): number {
  return (HostPort ?? Port) - Port
}

function labelOf({ Protocol }: { Protocol: 'tcp' | 'udp' }, from: number, to: number): string {
  const range = renderRange(from, to)
  return `${from === to ? 'Port' : 'Ports'} ${range}${Protocol === 'udp' ? '/udp' : ''}`
}

function renderRange(from: number, to: number): string {
  return from === to ? String(from) : `${from}-${to}`
}
