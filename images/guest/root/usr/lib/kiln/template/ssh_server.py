"""
The SSH server of a clone. Where it is a service, PID 1 starts it in the template already, and it waits where it reads its host key, which is
a pipe there: a clone's program has nothing to start, and nobody's key has been seen by it. It draws nothing before that which anybody else
could see: each connection is served by a process that has executed the server anew.
"""

import errno
import os
import stat
import time

import traces
from commands import run, try_run
from files import remove, write_file
from host_key import encode_host_key
from identity import Identity, sample

host_key_file = '/etc/ssh/ssh_host_ed25519_key'
# By this the units of SSH may start (system-generators/kiln-template).
permit = '/run/kiln/ssh'
patience_seconds = 30


class SshServer:
    def __init__(self, manager, unit):
        self.manager, self.unit = manager, unit
        self.key = None
        self.pipe = self._begin() if unit.endswith('.service') else None
        if self.pipe is None:
            self._warm_up()

    def take_host_key(self, identity):
        """Writes the key's files; a server that waits for it goes on waiting."""
        self.key, public = encode_host_key(identity.require('ssh-host-key'), 'root@%s' % identity.require('hostname'))
        write_file(host_key_file, self.key, 0o600)
        write_file('%s.pub' % host_key_file, public)

    def hold_back(self):
        """What starts the server again before `start`, as cloud-init does for some settings, does not succeed."""
        remove(permit)

    def start(self):
        """Lets people in from the moment that it listens; `wait` waits for that."""
        write_file(permit, '')
        if self.pipe is None:
            self.manager.start(self.unit)
        else:
            self._give_key()

    def wait(self):
        # What starts or runs already is not started again.
        self.manager.wait(self.manager.start(self.unit))

    def _give_key(self):
        try:
            os.write(self.pipe, self.key.encode())
        except BrokenPipeError:
            # It was started again, and has read the file.
            pass
        os.close(self.pipe)

    def _begin(self):
        """Answers the end of the pipe by which it gets its key; None where it does not come for that."""
        os.mkfifo(host_key_file, 0o600)
        write_file(permit, '')
        self.manager.start(self.unit)
        end = time.monotonic() + patience_seconds
        while _is_pipe(host_key_file) and time.monotonic() < end:
            try:
                pipe = os.open(host_key_file, os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC)
                os.set_blocking(pipe, True)
                return pipe
            except OSError as error:
                if error.errno != errno.ENXIO:
                    raise
                time.sleep(0.1)
        # Its configuration names another key, or the system has made one of its own.
        self.hold_back()
        run('systemctl', 'stop', self.unit)
        remove(*traces.host_keys)
        return None

    def _warm_up(self):
        """What a clone has to start is once in memory."""
        write_file('/run/kiln/warm', encode_host_key(Identity(sample).require('ssh-host-key'), 'sample')[0], 0o600)
        os.makedirs('/run/sshd', exist_ok=True)
        try_run('/usr/sbin/sshd', '-t', '-h', '/run/kiln/warm')
        os.unlink('/run/kiln/warm')


def _is_pipe(path):
    return os.path.exists(path) and stat.S_ISFIFO(os.stat(path).st_mode)
