import type { PipelineStep } from './pipeline.ts'

/** What is run in a server: a line for its login shell, and what that reads. */
export interface GuestCommand {
  readonly command: string
  readonly input: string | Uint8Array
}

/** A directory in memory, so that nothing of it is in the image. */
const workDirectory = '/run/kiln-pipeline'

/**
 * The command that does a step as root. Scripts and variables go by standard input, so that neither a process list of the host nor one of
 * the server shows a secret. The program is put into a file, so that its own standard input is empty, and is started by its interpreter,
 * because /run may be mounted noexec.
 */
export function commandOfStep(
  step: Exclude<PipelineStep, { kind: 'reboot' }>,
  environment: ReadonlyMap<string, string>,
): GuestCommand {
  if (step.kind === 'copy') return { command: asRoot(receiveProgram(step)), input: step.content }
  const text = step.kind === 'script' ? step.text : packageProgram(step.packages)
  const variables = [...environment, ...Object.entries(step.environment)]
  return { command: asRoot('exec sh'), input: scriptProgram(text, variables) }
}

/** A program of Kiln's own as root. */
export function commandOfProgram(program: string): GuestCommand {
  return { command: asRoot('exec sh'), input: program }
}

/** The login user has sudo without a password, as in cloud images, or is root. */
function asRoot(program: string): string {
  const word = quote(program)
  return `if [ "$(id -u)" = 0 ]; then exec sh -c ${word}; else exec sudo -n sh -c ${word}; fi`
}

function scriptProgram(text: string, variables: readonly (readonly [string, string])[]): string {
  const body = text.endsWith('\n') ? text : `${text}\n`
  let mark = 'KILN_END_OF_SCRIPT'
  while (body.split('\n').includes(mark)) mark += '_'
  const interpreter = /^#![ \t]*(\S+)[ \t]*(.*)/.exec(body)
  const words = interpreter ? [interpreter[1] ?? '', interpreter[2]?.trim() ?? ''].filter(Boolean) : ['sh', '-e']
  return [
    'umask 077',
    `mkdir -p ${workDirectory} || exit`,
    `cat >${workDirectory}/script <<'${mark}' || exit\n${body}${mark}`,
    'umask 022',
    ...variables.map(([name, value]) => `export ${name}=${quote(value)}`),
    'cd /',
    `exec ${words.map(quote).join(' ')} ${workDirectory}/script </dev/null\n`,
  ].join('\n')
}

function packageProgram(packages: readonly string[]): string {
  const names = packages.map(quote).join(' ')
  return `
if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get -q -o DPkg::Lock::Timeout=300 update
  apt-get -q -o DPkg::Lock::Timeout=300 install -y --no-install-recommends ${names}
  apt-get clean
elif command -v dnf >/dev/null; then dnf -y install ${names} && dnf clean all
elif command -v yum >/dev/null; then yum -y install ${names} && yum clean all
elif command -v zypper >/dev/null; then zypper --non-interactive install ${names} && zypper clean
elif command -v apk >/dev/null; then apk add --no-cache ${names}
else echo 'this server has no package manager that is known here: apt-get, dnf, yum, zypper, apk' >&2; exit 1
fi
`
}

function receiveProgram({ to, mode, owner }: { to: string; mode: string; owner: string }): string {
  const target = quote(to)
  const half = quote(`${to}.kiln-new`)
  return `umask 022; mkdir -p "$(dirname ${target})" && cat >${half} && chmod ${mode} ${half} && chown ${owner} ${half} && mv -f ${half} ${target}`
}

/**
 * Takes out of a server what must be another one's in each server of the image: the build's key, SSH host keys, the machine's id, what
 * cloud-init and nano remember of the instance, seeds and leases. The logins of the base stay.
 */
export function cleanIdentityProgram(publicKey: string): string {
  const body = publicKey.trim().split(/\s+/)[1] ?? publicKey
  return `
cd /
for file in /root/.ssh/authorized_keys /home/*/.ssh/authorized_keys; do
  [ -f "$file" ] || continue
  grep -vF ${quote(body)} "$file" >${workDirectory}.keys
  cat ${workDirectory}.keys >"$file"
  rm -f ${workDirectory}.keys
  [ -s "$file" ] || rm -f "$file"
done
if command -v cloud-init >/dev/null; then cloud-init clean --logs || exit; fi
rm -f /etc/ssh/ssh_host_*_key /etc/ssh/ssh_host_*_key.pub /etc/dropbear/dropbear_*_host_key
rm -rf /var/lib/kiln/instance /var/lib/kiln/instance-id
[ ! -e /etc/machine-id ] || : >/etc/machine-id
[ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id
rm -f /var/lib/systemd/random-seed /var/lib/dhcp/*.leases /var/lib/NetworkManager/*.lease
rm -rf ${workDirectory}
sync
`
}

/** Waits until cloud-init has done its part; other servers are ready when they let the build in. */
export const awaitCloudInitProgram = `
command -v cloud-init >/dev/null || exit 0
cloud-init status --wait
# 2: done, with warnings.
code=$?
[ $code = 2 ] || exit $code
`

export const bootIdProgram = 'cat /proc/sys/kernel/random/boot_id\n'

function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`
}
