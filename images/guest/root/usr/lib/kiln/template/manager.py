"""systemd as PID 1, by D-Bus over its own socket: no program has to be started to ask it for a unit, and no bus has to be there."""

import socket
import struct
import time

address = '/run/systemd/private'
path = '/org/freedesktop/systemd1'
patience_seconds = 30
interface = 'org.freedesktop.systemd1.Manager'
(call, answer, failure, signal) = (1, 2, 3, 4)
# Fields of a message's head.
(of_path, of_interface, of_member, of_error, of_reply, of_destination, of_signature) = (1, 2, 3, 4, 5, 6, 8)


# PID 1 has executed itself again, as when user data upgrades it.
lost = (ConnectionError, EOFError)


class ManagerError(Exception):
    pass


class Manager:
    def __init__(self):
        self._connect()

    def start(self, unit):
        """Tells PID 1 to start a unit, and answers the job as soon as it is known there."""
        return self._begin('StartUnit', unit)

    def restart(self, unit):
        return self._begin('RestartUnit', unit)

    def stop(self, unit):
        return self._begin('StopUnit', unit)

    def try_start(self, *units):
        """The same of units of which one that cannot be started must not keep others from it. Answers the jobs."""
        return self._try(self.start, units)

    def try_restart(self, *units):
        return self._try(self.restart, units)

    def try_stop(self, *units):
        return self._try(self.stop, units)

    def _try(self, begin, units):
        jobs = []
        for unit in units:
            try:
                jobs.append(begin(unit))
            except ManagerError as error:
                print(error, flush=True)
        return jobs

    def wait(self, *jobs):
        """Until the jobs have ended, however that may be."""
        for unit, job in jobs:
            try:
                while job not in self.ended:
                    self._receive()
            except lost:
                # The job lives on; starting what starts already is the same job.
                self._connect()
                self.wait(*self.try_start(unit))

    def _begin(self, method, unit):
        try:
            return unit, self._ask(method, unit, 'replace')
        except lost:
            self._connect()
            return unit, self._ask(method, unit, 'replace')

    def _connect(self):
        end = time.monotonic() + patience_seconds
        while True:
            try:
                return self._try_connect()
            except (OSError, EOFError):
                if time.monotonic() > end:
                    raise
                time.sleep(0.1)

    def _try_connect(self):
        self.serial = 0
        self.ended = set()
        self.replies = {}
        self.buffer = b''
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        self.socket.connect(address)
        # Root's own word for who it is: 0, in hexadecimal digits of its text.
        self.socket.sendall(b'\0AUTH EXTERNAL 30\r\nBEGIN\r\n')
        while b'\r\n' not in self.buffer:
            self._read()
        line, _, self.buffer = self.buffer.partition(b'\r\n')
        if not line.startswith(b'OK '):
            raise ManagerError('PID 1 refuses: %s' % line.decode(errors='replace'))

    def _ask(self, method, *words):
        self.serial += 1
        serial = self.serial
        self.socket.sendall(encode_call(serial, method, words))
        while serial not in self.replies:
            self._receive()
        kind, text = self.replies.pop(serial)
        if kind == failure:
            raise ManagerError('%s of %s: %s' % (method, words[0], text))
        return text

    def _receive(self):
        """Takes the next message: an answer, or the end of a job."""
        while True:
            size = message_size(self.buffer)
            if size is not None and len(self.buffer) >= size:
                break
            self._read()
        message, self.buffer = self.buffer[:size], self.buffer[size:]
        kind, fields, body = decode_message(message)
        if kind in (answer, failure):
            self.replies[fields[of_reply]] = (kind, read_strings(body, 0, 1)[0] if body else '')
        elif kind == signal and fields.get(of_member) == 'JobRemoved':
            # Its number comes first.
            self.ended.add(read_strings(body, 4, 1)[0])

    def _read(self):
        piece = self.socket.recv(65536)
        if not piece:
            raise EOFError('PID 1 has closed its socket')
        self.buffer += piece


def encode_call(serial, method, words):
    body = b''
    for word in words:
        body = _align(body, 4) + _string(word)
    head = b''
    for code, kind, text in (
        (of_path, b'o', path),
        (of_interface, b's', interface),
        (of_member, b's', method),
        (of_destination, b's', 'org.freedesktop.systemd1'),
        (of_signature, b'g', 's' * len(words)),
    ):
        value = bytes([len(text)]) + text.encode() + b'\0' if kind == b'g' else _string(text)
        head = _align(head, 8) + bytes([code, 1]) + kind + b'\0' + value
    start = struct.pack('<cBBBIII', b'l', call, 0, 1, len(body), serial, len(head))
    return _align(start + head, 8) + body


def message_size(start):
    """Of the message that begins there; None while that cannot be told."""
    if len(start) < 16:
        return None
    length, _, head = struct.unpack_from('<III', start, 4)
    return 16 + head + -head % 8 + length


def decode_message(message):
    """The kind of a message, the fields of its head that are texts or numbers, and its body."""
    kind = message[1]
    length, _, head = struct.unpack_from('<III', message, 4)
    fields = {}
    at = 16
    while at < 16 + head:
        at += -at % 8
        code = message[at]
        signature = message[at + 2 : at + 2 + message[at + 1]]
        at += 3 + len(signature)
        if signature in (b's', b'o'):
            at += -at % 4
            (size,) = struct.unpack_from('<I', message, at)
            fields[code] = message[at + 4 : at + 4 + size].decode(errors='replace')
            at += 5 + size
        elif signature == b'g':
            at += 2 + message[at]
        else:
            at += -at % 4
            (fields[code],) = struct.unpack_from('<I', message, at)
            at += 4
    return kind, fields, message[len(message) - length :]


def read_strings(body, at, count):
    texts = []
    for _ in range(count):
        at += -at % 4
        (size,) = struct.unpack_from('<I', body, at)
        texts.append(body[at + 4 : at + 4 + size].decode(errors='replace'))
        at += 5 + size
    return texts


def _string(text):
    data = text.encode()
    return struct.pack('<I', len(data)) + data + b'\0'


def _align(data, size):
    return data + b'\0' * (-len(data) % size)
