"""The depth `booted`: everything is up but what is of an identity."""

import os
import time

import cloud_init
import journal
import name_service
import network_service
import traces
import units
from commands import run, try_run
from files import write_file
from host_key import encode_host_key
from host_port import version
from identity import Identity, sample
from login import LoginUser
from manager import Manager
from own_interface import OwnInterface, find_interface, read_mac
from own_state import (
    forget_machine_id,
    take_boot_id,
    take_host_name,
    take_machine_id,
    take_randomness,
    take_system_id,
    take_time,
    write_host_name,
)

host_key_file = '/etc/ssh/ssh_host_ed25519_key'
# By this the units of SSH may start (system-generators/kiln-template).
ssh_permit = '/run/kiln/ssh'
longest_rest_seconds = 10


class Template:
    """A server that has booted, brought to where it has no identity, with all at hand that a clone needs."""

    def __init__(self):
        units.wait_until_started()
        active = units.ActiveUnits()
        self.ssh = units.find_ssh()
        self.login_user = LoginUser()
        self.interface = OwnInterface(find_interface())
        self.host_name = os.uname().nodename
        self.names = active.of(units.names)
        self.resting = active.of(units.resting) + active.match('*.timer', '*getty@*.service')
        self.networks = next((found for found in map(active.of, units.networks) if found), [])
        self.cloud_init = cloud_init.Stages(active)
        self.journals = journal.find_journals()
        units.stop(self.names + self.resting + self.cloud_init.all() + self.networks)
        self._take_interface_down()
        traces.remove_traces(self.mac)
        cloud_init.keep_host_keys()
        self._warm_up()
        # PID 1 remembers the machine-id that it has once read.
        forget_machine_id()
        run('systemctl', 'daemon-reexec')
        self.manager = Manager()
        os.sync()

    def _take_interface_down(self):
        name = self.interface.name
        self.mac = read_mac(name)
        run('ip', 'address', 'flush', 'dev', name)
        run('ip', 'link', 'set', 'dev', name, 'down')

    def _warm_up(self):
        """What a clone does first is done once, so that all of it is in memory."""
        os.makedirs('/run/kiln', exist_ok=True)
        write_file('/run/kiln/warm', encode_host_key(Identity(sample).require('ssh-host-key'), 'sample')[0], 0o600)
        os.makedirs('/run/sshd', exist_ok=True)
        try_run('/usr/sbin/sshd', '-t', '-h', '/run/kiln/warm')
        os.unlink('/run/kiln/warm')
        self.interface.encode_bring_up(Identity(sample))


def wait_booted(port):
    template = Template()
    port.say('READY booted %d' % version)
    identity = Identity(port.receive())
    begun = time.monotonic()
    ssh = become(template, identity)
    port.say('UP')
    port.close()
    write_host_name(identity, template.host_name)
    take_system_id(identity)
    template.manager.wait(*ssh)
    if ssh:
        # Where many clones go on at once, all let people in before the first has its hands full with the rest.
        time.sleep(min(time.monotonic() - begun, longest_rest_seconds))
    settle(template, identity, ssh)


def become(template, identity):
    """
    Makes a clone the server that it is to be. Nothing here starts a program, which would cost more than all the rest, but for PID 1: it starts
    the SSH server as soon as that has what it needs, and nobody reaches it before the interface has its address. Answers its job, if any.
    """
    take_randomness(identity)
    take_time(identity)
    private, public = encode_host_key(identity.require('ssh-host-key'), 'root@%s' % identity.require('hostname'))
    write_file(host_key_file, private, 0o600)
    write_file('%s.pub' % host_key_file, public)
    key = identity.get('login-key')
    if key:
        template.login_user.let_in(key)
    ssh = [] if waits_for_cloud_init(identity) else [start_ssh(template)]
    take_machine_id(identity)
    take_boot_id()
    take_host_name(identity)
    template.interface.bring_up(identity)
    return ssh


def settle(template, identity, ssh):
    """The rest of a boot, behind the back of whoever has logged in already."""
    manager = template.manager
    journal.begin_anew(manager, template.journals)
    name_service.say_name_servers(identity, template.names)
    manager.try_start(*template.names)
    template.cloud_init.run_local(manager)
    network_service.let_networkd_take_over(identity.require('interface-mac').lower(), template.interface.name)
    # Somebody who has logged in may have asked it something by D-Bus, which starts it, before it had its settings.
    manager.try_restart(*[unit for unit in template.networks if unit.endswith('.service')])
    manager.try_start(*template.networks, *template.resting)
    template.cloud_init.run_rest(manager)
    if not ssh:
        manager.wait(start_ssh(template))
    template.interface.drop_own_route(identity)


def start_ssh(template):
    write_file(ssh_permit, '')
    return template.manager.start(template.ssh)


def waits_for_cloud_init(identity):
    return identity.get('wait-for') == 'cloud-init'
