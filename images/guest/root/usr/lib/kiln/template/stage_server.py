"""
Does the stages of cloud-init in a template and its clones: `stage_server.py PROGRAM [ARGUMENT…]`. Each stage is a program of its own that loads the
same modules, which takes longer than what it does with them. Here they are loaded once, and each stage is a copy of this process, in the control
group, with the streams and the surroundings of whoever asks for it (stage). It then runs the very program that the stage is of. Ends after the stage
of these arguments.
"""

import array
import gc
import importlib
import os
import pkgutil
import random
import runpy
import socket
import struct
import sys

from stages import address

stream_count = 3
longest_request = 65536
groups = '/sys/fs/cgroup'
# What stages load when they come to need it.
packages = ['cloudinit.config', 'cloudinit.handlers', 'cloudinit.mergers', 'cloudinit.net', 'cloudinit.filters']
modules = [
    'cloudinit.cmd.main',
    'cloudinit.sources.DataSourceEc2',
    'cloudinit.sources.DataSourceNone',
    'email.generator',
    'encodings.idna',
    'importlib.metadata',
    'jinja2.ext',
    'jsonschema',
]


def main(program, *last_words):
    os.makedirs(os.path.dirname(address), exist_ok=True)
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    listener.bind(address)
    os.chmod(address, 0o600)
    listener.listen(4)
    # Whoever asks from now on is answered when all is loaded.
    tell_manager(b'READY=1')
    load()
    # What is never freed is not to be touched by looking for what can be.
    gc.collect()
    gc.freeze()
    is_last = False
    while not is_last:
        connection, _ = listener.accept()
        words = serve(connection)
        if words is None:
            listener.close()
            runpy.run_path(program, run_name='__main__')
            return
        is_last = bool(last_words) and words[1:] == [os.fsencode(word) for word in last_words]
        connection.close()


def tell_manager(message):
    """sd_notify(3)"""
    name = os.environ.pop('NOTIFY_SOCKET', None)
    if name is None:
        return
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.connect('\0' + name[1:] if name.startswith('@') else name)
        sender.send(message)


def load():
    for name in modules + distributions():
        try_import(name)
    for name in packages:
        package = try_import(name)
        for found in pkgutil.iter_modules(package.__path__) if package else []:
            try_import('%s.%s' % (name, found.name))


def try_import(name):
    try:
        return importlib.import_module(name)
    except Exception:
        # This version has no such module, or it is of another distribution.
        return None


def distributions():
    names = []
    with open('/etc/os-release') as file:
        for line in file:
            key, _, value = line.strip().partition('=')
            if key in ('ID', 'ID_LIKE'):
                names += value.strip('"').split()
    return ['cloudinit.distros.%s' % name for name in names]


def serve(connection):
    """The words of the stage, when its process has ended; None in that process."""
    ancillary_size = socket.CMSG_SPACE(stream_count * array.array('i').itemsize)
    request, ancillary, _, _ = connection.recvmsg(longest_request, ancillary_size)
    streams = array.array('i')
    for _, _, data in ancillary:
        streams.frombytes(data)
    if len(streams) != stream_count:
        # Somebody who waits until all is loaded.
        return []
    words, settings = [part.split(b'\0') for part in request.split(b'\0\0')]
    group = read_group(peer_of(connection))
    child = os.fork()
    if child == 0:
        connection.close()
        become(words, settings, streams, group)
        return None
    for stream in streams:
        os.close(stream)
    connection.send(b'begun')
    _, status = os.waitpid(child, 0)
    code = os.WEXITSTATUS(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status)
    try:
        connection.send(b'%d' % code)
    except OSError:
        # Its unit was stopped meanwhile.
        pass
    return words


def peer_of(connection):
    credentials = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize('3i'))
    return struct.unpack('3i', credentials)[0]


def read_group(process):
    with open('/proc/%d/cgroup' % process) as file:
        return file.readline().strip().split('::')[1]


def become(words, settings, streams, group):
    with open('%s%s/cgroup.procs' % (groups, group), 'w') as file:
        file.write(str(os.getpid()))
    os.setsid()
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
        os.close(stream)
    os.environb.clear()
    for setting in settings:
        name, _, value = setting.partition(b'=')
        os.environb[name] = value
    sys.argv = [os.fsdecode(word) for word in words]
    # Drawn anew: clones of a template have the same state until here.
    random.seed()


if __name__ == '__main__':
    # As if the program had been started: what lies beside this file is not to be found by it.
    sys.path[0] = os.path.dirname(sys.argv[1])
    main(*sys.argv[1:])
