/** Of an image that is imported (EC2's limit of a multi-disk image). */
export const maximumImageDisks = 21

/** What EC2's guides have for data volumes. */
const dataDevices = Array.from('fghijklmnopqrstuvwxyz').map((letter) => `/dev/sd${letter}`)

/**
 * Names devices that nobody has named: the first is the root and gets `rootName`, the second `/dev/sdf`, the third `/dev/sdg`, …, or the
 * next one that is free.
 */
export function nameDevices(names: readonly (string | undefined)[], rootName: string): readonly string[] {
  const taken = new Set(names)
  return names.map((given, index) => {
    if (given !== undefined) return given
    const usual = [...dataDevices.slice(index - 1), ...dataDevices.slice(0, index - 1)]
    const name = index === 0 ? rootName : (usual.find((candidate) => !taken.has(candidate)) ?? '')
    taken.add(name)
    return name
  })
}
