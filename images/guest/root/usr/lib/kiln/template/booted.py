"""The depth `booted`: everything is up but what is of an identity."""

import os
import time

import cloud_init
import journal
import name_service
import network_service
import stages
import traces
import units
from commands import run
from host_port import version
from identity import Identity, sample
from login import LoginUser
from manager import Manager
from own_interface import OwnInterface, find_interface, read_mac
from own_state import (
    forget_machine_id,
    refine_time,
    take_boot_id,
    take_host_name,
    take_machine_id,
    take_randomness,
    take_system_id,
    take_time,
    write_host_name,
)
from ssh_server import SshServer

longest_rest_seconds = 10


class Template:
    """A server that has booted, brought to where it has no identity, with all at hand that a clone needs."""

    def __init__(self):
        units.wait_until_started()
        active = units.ActiveUnits()
        ssh_unit = units.find_ssh()
        self.login_user = LoginUser()
        self.interface = OwnInterface(find_interface())
        self.host_name = os.uname().nodename
        self.names = active.of(units.names)
        self.resting = active.of(units.resting) + active.match('*.timer', '*getty@*.service')
        self.networks = next((found for found in map(active.of, units.networks) if found), [])
        self.cloud_init = cloud_init.Stages(active)
        self.stages = active.of([stages.unit])
        self.journals = journal.find_journals()
        units.stop(self.names + self.resting + self.cloud_init.all() + self.networks)
        self._take_interface_down()
        traces.remove_traces(self.mac)
        cloud_init.keep_host_keys()
        # What a clone does first is done once, so that all of it is in memory.
        self.interface.encode_bring_up(Identity(sample))
        os.makedirs('/run/kiln', exist_ok=True)
        # PID 1 remembers the machine-id that it has once read.
        forget_machine_id()
        run('systemctl', 'daemon-reexec')
        self.manager = Manager()
        self.ssh = SshServer(self.manager, ssh_unit)
        os.sync()

    def _take_interface_down(self):
        name = self.interface.name
        self.mac = read_mac(name)
        run('ip', 'address', 'flush', 'dev', name)
        run('ip', 'link', 'set', 'dev', name, 'down')


def wait_booted(port):
    template = Template()
    port.say('READY booted %d' % version)
    identity = Identity(port.receive())
    begun = time.monotonic()
    become(template, identity, port)
    port.say('UP')
    port.close()
    write_host_name(identity, template.host_name)
    take_system_id(identity)
    if not waits_for_cloud_init(identity):
        template.ssh.wait()
        # Where many clones go on at once, all let people in before the first has its hands full with the rest.
        time.sleep(min(time.monotonic() - begun, longest_rest_seconds))
    settle(template, identity)


def become(template, identity, port):
    """
    Makes a clone the server that it is to be. Nothing here starts a program, which would cost more than all the rest. The SSH server goes on as
    soon as that has what it needs; nobody reaches it before the interface has its address.
    """
    take_randomness(identity)
    take_time(identity)
    template.ssh.take_host_key(identity)
    key = identity.get('login-key')
    if key:
        template.login_user.let_in(key)
    if waits_for_cloud_init(identity):
        template.ssh.hold_back()
    else:
        template.ssh.start()
    take_machine_id(identity)
    take_boot_id()
    take_host_name(identity)
    template.interface.bring_up(identity)
    refine_time(port)


def settle(template, identity):
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
    if waits_for_cloud_init(identity):
        template.ssh.start()
        template.ssh.wait()
    template.interface.drop_own_route(identity)
    manager.try_stop(*template.stages)


def waits_for_cloud_init(identity):
    return identity.get('wait-for') == 'cloud-init'
