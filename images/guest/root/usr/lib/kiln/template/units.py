"""Which units a template lets rest, and its clones start again."""

import fnmatch

from commands import run, try_run

# Who is asked for the names of hosts.
names = ['systemd-resolved.service']
# What knows the time or the server's name by heart, or would act as soon as the clock jumps.
resting = [
    'systemd-timesyncd.service',
    'chrony.service',
    'chronyd.service',
    'ntp.service',
    'ntpd.service',
    'ntpsec.service',
    'cron.service',
    'crond.service',
    'atd.service',
    'rsyslog.service',
    'syslog-ng.service',
]
# The first of them that there is.
networks = [
    ['systemd-networkd.socket', 'systemd-networkd.service', 'systemd-networkd-wait-online.service'],
    ['NetworkManager.service', 'NetworkManager-wait-online.service'],
    ['networking.service'],
    ['network.service'],
    ['wicked.service'],
]
# In the order of a boot. From cloud-init 24.3 on there is a program of all stages, which ends after the last; the others wait for its work.
cloud_init_program = 'cloud-init-main.service'
cloud_init_local = ['cloud-init-local.service']
cloud_init_network = ['cloud-init.service', 'cloud-init-network.service']
cloud_init_final = ['cloud-config.service', 'cloud-final.service']
ssh = ['ssh.socket', 'sshd.socket', 'ssh.service', 'sshd.service']


class ActiveUnits:
    """The units that are active now. Asked for once: each program that is run takes its time, and there are many names."""

    def __init__(self):
        states = '--state=active,activating'
        lines = run('systemctl', 'list-units', '--plain', '--no-legend', '--full', states).splitlines()
        self.names = [line.split()[0] for line in lines if line.split()]

    def of(self, names):
        """Those of the names that are active, in their order."""
        return [name for name in names if name in self.names]

    def match(self, *patterns):
        return [name for name in self.names if any(fnmatch.fnmatchcase(name, pattern) for pattern in patterns)]


def exists(name):
    """Whether there is a unit of that name, active or not."""
    return try_run('systemctl', 'show', '--property=LoadState', '--value', name).strip() == 'loaded'


def stop(names):
    if names:
        run('systemctl', 'stop', *names)


def find_ssh():
    """The unit that a boot would have started: a socket where that is enabled."""
    for name in ssh:
        if try_run('systemctl', 'is-enabled', name).strip() in ('enabled', 'enabled-runtime'):
            return name
    raise RuntimeError('no SSH server is enabled: none of %s' % ', '.join(ssh))


def wait_until_started():
    """Until nothing else is starting: a boot goes on after what this program is ordered after."""
    try_run('systemctl', 'is-system-running', '--wait')
