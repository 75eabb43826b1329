import { expect, test } from 'vitest'
import {
  explainRoomFailure,
  explainToolFailure,
  requireRoom,
  roomCommand,
} from '../../../../src/disk/build/build-room.ts'
import { type Command, CommandError, type ProcessHost } from '../../../../src/host/process.ts'

const plenty = { isRoot: false, userName: 'ada', availableMib: 4000, neededMib: 1200 }

/** Runs nothing: fails the commands whose program is named, with these words. */
function processesFailing(failures: Readonly<Record<string, string>>): ProcessHost {
  const refuse = () => {
    throw new Error('nothing is started here')
  }
  return {
    run: async ({ argv }: Command) => {
      const words = failures[argv[0]]
      if (words !== undefined) throw new CommandError(argv, { exitCode: 1, stderrTail: words })
      return { stdout: '', stderr: '' }
    },
    startDetached: refuse,
    startHelper: refuse,
  }
}

test('maps the subordinate ids of an ordinary user, and needs none as root', () => {
  expect(roomCommand(false).join(' ')).toBe(
    'unshare --user --map-auto --map-root-user --mount --pid --fork --kill-child --',
  )
  expect(roomCommand(true).join(' ')).toBe('unshare --mount --pid --fork --kill-child --')
})

test('tells a user without subordinate ids how to get them', async () => {
  const processes = processesFailing({ unshare: 'unshare: no line matching user "ada" in /etc/subuid' })
  await expect(requireRoom(processes, plenty)).rejects.toMatchObject({
    code: 'BuildImpossible',
    message: expect.stringContaining('usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ada'),
  })
})

test.each([
  ['unshare: failed to execute newuidmap: No such file or directory', 'install the package uidmap'],
  ["unshare: unrecognized option '--map-auto'", 'install util-linux 2.38 or later'],
  ['unshare: unshare failed: Operation not permitted', 'or build as root'],
])('says how to mend %j', (words, remedy) => {
  const error = new CommandError(['unshare'], { exitCode: 1, stderrTail: words })
  expect(explainRoomFailure(error, 'ada').message).toContain(remedy)
})

test('names mmdebstrap when it is missing', async () => {
  const processes = processesFailing({ mmdebstrap: 'spawn mmdebstrap ENOENT' })
  await expect(requireRoom(processes, plenty)).rejects.toThrow(/install the package mmdebstrap/)
})

test('says how much memory is missing', async () => {
  const processes = processesFailing({})
  await expect(requireRoom(processes, { ...plenty, availableMib: 300 })).rejects.toThrow(/1200 MiB, and 300 MiB/)
  await requireRoom(processes, plenty)
})

test('tells the first errors of a tool, not all that followed from them', () => {
  const stderrTail = `Err:1 http://mirror.example/debian bookworm InRelease
  Could not connect
E: Failed to fetch http://mirror.example/debian/dists/bookworm/InRelease  Could not connect
E: Some index files failed to download.
I: main() received signal PIPE: waiting for setup...
E: setup failed: E: apt-get update failed
E: mmdebstrap failed to run`
  const { code, message } = explainToolFailure({ name: 'mmdebstrap', stderrTail })
  expect(code).toBe('BuildFailed')
  expect(message).toContain('E: Failed to fetch http://mirror.example')
  expect(message).not.toContain('mmdebstrap failed to run')
})
