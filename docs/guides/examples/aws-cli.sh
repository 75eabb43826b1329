#!/bin/sh
# The whole life of a server by the AWS CLI. Run it after: eval "$(kiln env)"
# It takes the AMI by its name ($1, nano when absent) and leaves nothing behind.
set -eu

image_name=${1:-nano}
login=${2:-ec2-user}
# AWS CLI 2.13 and newer read AWS_ENDPOINT_URL themselves.
ec2() { aws --endpoint-url "$AWS_ENDPOINT_URL" ec2 "$@"; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

image=$(ec2 describe-images --filters "Name=name,Values=$image_name" --query 'Images[0].ImageId' --output text)
type=$(ec2 describe-instance-types --filters Name=instance-type,Values=t3.nano --query 'InstanceTypes[0].InstanceType' --output text)

ec2 create-key-pair --key-name cli --query KeyMaterial --output text >"$work/key"
chmod 600 "$work/key"
group=$(ec2 create-security-group --group-name cli --description 'SSH' --query GroupId --output text)
ec2 authorize-security-group-ingress --group-id "$group" --protocol tcp --port 22 --cidr 0.0.0.0/0 >"$work/rule"

printf '#!/bin/sh\necho "told by user data" >/tmp/told\n' >"$work/user-data"
instance=$(ec2 run-instances --image-id "$image" --instance-type "$type" --key-name cli --security-group-ids "$group" \
  --user-data "file://$work/user-data" --tag-specifications 'ResourceType=instance,Tags=[{Key=Name,Value=cli}]' \
  --query 'Instances[0].InstanceId' --output text)
ec2 wait instance-running --instance-ids "$instance"
address=$(ec2 describe-instances --instance-ids "$instance" --query 'Reservations[0].Instances[0].PublicIpAddress' --output text)

server() {
  ssh -i "$work/key" -p "${SSH_PORT:-22}" -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
    -o LogLevel=ERROR -o ConnectTimeout=5 "$login@$address" "$@"
}
until server cat /tmp/told 2>"$work/ssh-error"; do sleep 1; done

ec2 create-tags --resources "$instance" --tags Key=stage,Value=tried
ec2 describe-instances --filters Name=tag:stage,Values=tried --query 'Reservations[].Instances[].InstanceId' --output text

zone=$(ec2 describe-instances --instance-ids "$instance" --query 'Reservations[0].Instances[0].Placement.AvailabilityZone' --output text)
volume=$(ec2 create-volume --size 1 --availability-zone "$zone" --query VolumeId --output text)
ec2 wait volume-available --volume-ids "$volume"
ec2 attach-volume --volume-id "$volume" --instance-id "$instance" --device /dev/sdf >"$work/attachment"
ec2 wait volume-in-use --volume-ids "$volume"
until server grep -q vdb /proc/partitions; do sleep 1; done
ec2 detach-volume --volume-id "$volume" >"$work/attachment"
ec2 wait volume-available --volume-ids "$volume"

snapshot=$(ec2 create-snapshot --volume-id "$volume" --description 'of a volume' --query SnapshotId --output text)
ec2 wait snapshot-completed --snapshot-ids "$snapshot"
baked=$(ec2 create-image --instance-id "$instance" --name cli-baked --no-reboot --query ImageId --output text)
ec2 wait image-available --image-ids "$baked"

ec2 stop-instances --instance-ids "$instance" >"$work/change"
ec2 wait instance-stopped --instance-ids "$instance"
ec2 modify-instance-attribute --instance-id "$instance" --instance-type '{"Value": "t3.micro"}'
ec2 start-instances --instance-ids "$instance" >"$work/change"
ec2 wait instance-running --instance-ids "$instance"
address=$(ec2 describe-instances --instance-ids "$instance" --query 'Reservations[0].Instances[0].PublicIpAddress' --output text)
until server cat /etc/hostname 2>"$work/ssh-error"; do sleep 1; done

ec2 terminate-instances --instance-ids "$instance" >"$work/change"
ec2 wait instance-terminated --instance-ids "$instance"
ec2 delete-volume --volume-id "$volume"
ec2 delete-snapshot --snapshot-id "$snapshot"
copy=$(ec2 describe-images --image-ids "$baked" --query 'Images[0].BlockDeviceMappings[0].Ebs.SnapshotId' --output text)
ec2 deregister-image --image-id "$baked" >"$work/change"
ec2 delete-snapshot --snapshot-id "$copy"
ec2 delete-security-group --group-id "$group" >"$work/change"
ec2 delete-key-pair --key-name cli >"$work/change"
echo "the life of $instance is over"
