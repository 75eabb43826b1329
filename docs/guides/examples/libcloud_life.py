"""The whole life of a server by Apache libcloud. Run it after: eval "$(kiln env)"

It takes the AMI by its name (first argument, nano when absent) and leaves nothing behind.
"""

import os
import subprocess
import sys
import tempfile
import time
from urllib.parse import urlparse

from libcloud.compute.providers import get_driver
from libcloud.compute.types import NodeState, Provider, StorageVolumeState, VolumeSnapshotState

IMAGE_NAME = sys.argv[1] if len(sys.argv) > 1 else "nano"
LOGIN = sys.argv[2] if len(sys.argv) > 2 else "ec2-user"
ENDPOINT = urlparse(os.environ["AWS_ENDPOINT_URL"])

driver = get_driver(Provider.EC2)(
    os.environ["AWS_ACCESS_KEY_ID"],
    os.environ["AWS_SECRET_ACCESS_KEY"],
    region=os.environ["AWS_REGION"],
    host=ENDPOINT.hostname,
    port=ENDPOINT.port,
    secure=ENDPOINT.scheme == "https",
    # libcloud still signs some regions by version 2, which AWS and Kiln have left behind.
    signature_version="4",
)


def until(is_done):
    while not is_done():
        time.sleep(1)


def node_now():
    return driver.list_nodes(ex_node_ids=[node.id])[0]


def volume_now():
    return next(v for v in driver.list_volumes() if v.id == volume.id)


def run_in(node, command):
    """Runs a command in the server as soon as its SSH answers."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as key_file:
        key_file.write(key_pair.private_key)
        key_file.flush()
        argv = ["ssh", "-i", key_file.name, "-p", os.environ.get("SSH_PORT", "22"), "-o", "BatchMode=yes"]
        argv += ["-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR"]
        argv += ["-o", "ConnectTimeout=5", f"{LOGIN}@{node_now().public_ips[0]}", command]
        while True:
            done = subprocess.run(argv, capture_output=True, text=True)
            if done.returncode == 0:
                return done.stdout.strip()
            time.sleep(1)


(image,) = driver.list_images(ex_owner="self", ex_filters={"name": IMAGE_NAME})
sizes = {size.id: size for size in driver.list_sizes()}
key_pair = driver.create_key_pair("libcloud")
group = driver.ex_create_security_group("libcloud", "SSH")["group_id"]
driver.ex_authorize_security_group_ingress(group, 22, 22, cidr_ips=["0.0.0.0/0"])

node = driver.create_node(
    name="libcloud",
    image=image,
    size=sizes["t3.nano"],
    ex_keyname=key_pair.name,
    ex_security_groups=["libcloud"],
    ex_userdata='#!/bin/sh\necho "told by user data" >/tmp/told\n',
)
driver.wait_until_running([node], wait_period=1)
print(run_in(node, "cat /tmp/told"))

driver.ex_create_tags(node_now(), {"stage": "tried by libcloud"})
assert [found.id for found in driver.list_nodes(ex_filters={"tag:stage": "tried by libcloud"})] == [node.id]

location = next(l for l in driver.list_locations() if l.name == node_now().extra["availability"])
volume = driver.create_volume(1, "libcloud", location=location)
until(lambda: volume_now().state == StorageVolumeState.AVAILABLE)
driver.attach_volume(node, volume, "/dev/sdf")
until(lambda: volume_now().state == StorageVolumeState.INUSE)
until(lambda: "vdb" in run_in(node, "cat /proc/partitions"))
driver.detach_volume(volume)
until(lambda: volume_now().state == StorageVolumeState.AVAILABLE)

snapshot = driver.create_volume_snapshot(volume, "libcloud")
until(lambda: driver.list_snapshots(snapshot)[0].state == VolumeSnapshotState.AVAILABLE)
baked = driver.create_image(node, "libcloud-baked", reboot=False)
until(lambda: driver.get_image(baked.id).extra["state"] == "available")
baked = driver.get_image(baked.id)

driver.ex_stop_node(node)
until(lambda: node_now().state == NodeState.STOPPED)
driver.ex_change_node_size(node, sizes["t3.micro"])
driver.ex_start_node(node)
driver.wait_until_running([node], wait_period=1)
assert node_now().extra["instance_type"] == "t3.micro"
print(run_in(node, "cat /etc/hostname"))

driver.destroy_node(node)
until(lambda: node_now().state == NodeState.TERMINATED)
driver.destroy_volume(volume)
driver.destroy_volume_snapshot(snapshot)
copies = [device["ebs"]["snapshot_id"] for device in baked.extra["block_device_mapping"]]
driver.delete_image(baked)
for copy in driver.list_snapshots():
    if copy.id in copies:
        driver.destroy_volume_snapshot(copy)
driver.ex_delete_security_group_by_id(group)
driver.delete_key_pair(key_pair)
print(f"the life of {node.id} is over")
