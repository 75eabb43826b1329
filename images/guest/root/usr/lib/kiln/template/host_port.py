"""The virtio-serial port by which the host is told that a template is ready, and tells a clone who it is."""

import errno
import glob
import os
import time

name = 'org.kiln.template.0'
patience_seconds = 60
# Of what is installed here.
version = 1
# While a template stands still nobody is at the other end, and the kernel says so instead of waiting.
absent_host = (errno.EAGAIN, errno.EPIPE, errno.ENODEV)


class HostPort:
    def __init__(self, descriptor):
        self.descriptor = descriptor

    @property
    def is_open(self):
        return self.descriptor is not None

    def say(self, line):
        """Waits for a host that is not there."""
        os.write(self.descriptor, ('%s\n' % line).encode())

    def receive(self):
        """Waits for all that the host says of an identity: lines that end with one of END."""
        text = b''
        while not text.endswith(b'\nEND\n'):
            piece = self._read()
            if piece:
                text += piece
            else:
                # What a host has begun to say and has not ended is nobody's.
                text = b''
                time.sleep(0.002)
        return text.decode()

    def close(self):
        os.close(self.descriptor)
        self.descriptor = None

    def _read(self):
        try:
            return os.read(self.descriptor, 65536)
        except OSError as error:
            if error.errno in absent_host:
                return b''
            raise


def open_host_port():
    """Opens the port by the kernel's name of it: udev may not have come to it yet."""
    end = time.monotonic() + patience_seconds
    while True:
        device = _find()
        if device is not None:
            return HostPort(os.open(device, os.O_RDWR | os.O_CLOEXEC))
        if time.monotonic() > end:
            raise RuntimeError('this machine has no virtio-serial port named %s' % name)
        time.sleep(0.1)


def _find():
    for path in glob.glob('/sys/class/virtio-ports/*/name'):
        with open(path) as file:
            if file.read().strip() != name:
                continue
        device = '/dev/%s' % os.path.basename(os.path.dirname(path))
        if os.path.exists(device):
            return device
    return None
