import { expect, test } from 'vitest'
import { drawLaunchNames, renameSpec } from '../../../../src/ec2/fast-launch/launch-names.ts'
import { tapNameOf } from '../../../../src/ec2/network-interface/network-interface.ts'
import type { MachineSpec } from '../../../../src/ec2/ports/machine-spec.ts'
import { systemRandom } from '../../../../src/host/random.ts'

function specOf({
  instanceId,
  uuid,
  generationId,
  rootVolumeId,
  interfaceId,
  macAddress,
}: ReturnType<typeof drawLaunchNames>): MachineSpec {
  return {
    name: instanceId,
    directory: `/state/machines/${instanceId}`,
    architecture: 'x86_64',
    accelerator: 'tcg',
    machineType: 'pc-q35-7.2',
    cpuCount: 2,
    memoryMib: 512,
    uuid,
    generationId,
    template: { role: 'clone', memoryPath: '/state/templates/tpl-1/memory' },
    drives: [
      {
        id: 'disk0',
        path: `/state/volumes/${rootVolumeId}/disk.qcow2`,
        backingPath: '/state/layers/layer-1/disk.qcow2',
        serial: rootVolumeId.replace('-', ''),
        port: 0,
        bootIndex: 0,
        limits: { operations: { baseline: 3000 }, operationBytes: 262_144, bytes: { baseline: 131_072_000 } },
      },
    ],
    networkDevices: [{ id: 'nic0', tapName: tapNameOf(interfaceId), mac: macAddress, port: 0 }],
  }
}

test('a machine under other names is the one that they would have been given', () => {
  const [one, other] = [drawLaunchNames(systemRandom), drawLaunchNames(systemRandom)]
  expect(renameSpec(specOf(one), one, other)).toEqual(specOf(other))
  expect(Object.values(one).filter((name) => JSON.stringify(specOf(other)).includes(name))).toEqual([])
})
