// The whole life of a server by the AWS SDK for Go, version 2. Run it after: eval "$(kiln env)"
// It takes the AMI by its name (first argument, nano when absent) and leaves nothing behind.
package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

const (
	userData = "#!/bin/sh\necho \"told by user data\" >/tmp/told\n"
	// Waiters poll every 15 seconds and more unless told otherwise.
	often    = time.Second
	patience = 10 * time.Minute
)

// must ends the program on an error: what went wrong is what its reader wants to see.
func must[T any](answer T, err error) T {
	check(err)
	return answer
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// argument answers the command line's nth argument, or what stands for it when it is absent.
func argument(n int, otherwise string) string {
	if len(os.Args) > n {
		return os.Args[n]
	}
	return otherwise
}

// server is an instance and the way to log in to it.
type server struct {
	client  *ec2.Client
	id      string
	login   string
	keyFile string
}

func (s server) describe(ctx context.Context) types.Instance {
	described := must(s.client.DescribeInstances(ctx, &ec2.DescribeInstancesInput{InstanceIds: []string{s.id}}))
	return described.Reservations[0].Instances[0]
}

// run runs a command in the server as soon as its SSH answers.
func (s server) run(ctx context.Context, command string) string {
	port := os.Getenv("SSH_PORT")
	if port == "" {
		port = "22"
	}
	arguments := []string{"-i", s.keyFile, "-p", port}
	for _, option := range []string{
		"BatchMode=yes", "StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR", "ConnectTimeout=5",
	} {
		arguments = append(arguments, "-o", option)
	}
	arguments = append(arguments, s.login+"@"+*s.describe(ctx).PublicIpAddress, command)
	for {
		if printed, err := exec.CommandContext(ctx, "ssh", arguments...).Output(); err == nil {
			return string(bytes.TrimSpace(printed))
		}
		check(ctx.Err())
		time.Sleep(often)
	}
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), 3*patience)
	defer cancel()
	imageName, login := argument(1, "nano"), argument(2, "ec2-user")
	work := must(os.MkdirTemp("", "kiln-go-"))
	defer os.RemoveAll(work)

	// The region and the keys are those of the environment. From the end of 2023 on, so is the endpoint, and this option may go.
	client := ec2.NewFromConfig(
		must(config.LoadDefaultConfig(ctx)),
		ec2.WithEndpointResolver(ec2.EndpointResolverFromURL(os.Getenv("AWS_ENDPOINT_URL"))),
	)

	images := must(client.DescribeImages(ctx, &ec2.DescribeImagesInput{
		Filters: []types.Filter{{Name: aws.String("name"), Values: []string{imageName}}},
	})).Images
	key := must(client.CreateKeyPair(ctx, &ec2.CreateKeyPairInput{KeyName: aws.String("go"), KeyType: types.KeyTypeEd25519}))
	keyFile := filepath.Join(work, "key")
	check(os.WriteFile(keyFile, []byte(*key.KeyMaterial), 0o600))
	group := must(client.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName: aws.String("go"), Description: aws.String("SSH"),
	}))
	must(client.AuthorizeSecurityGroupIngress(ctx, &ec2.AuthorizeSecurityGroupIngressInput{
		GroupId: group.GroupId,
		IpPermissions: []types.IpPermission{{
			IpProtocol: aws.String("tcp"), FromPort: aws.Int32(22), ToPort: aws.Int32(22),
			IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}},
		}},
	}))

	launched := must(client.RunInstances(ctx, &ec2.RunInstancesInput{
		ImageId:          images[0].ImageId,
		InstanceType:     types.InstanceTypeT3Nano,
		MinCount:         aws.Int32(1),
		MaxCount:         aws.Int32(1),
		KeyName:          key.KeyName,
		SecurityGroupIds: []string{*group.GroupId},
		UserData:         aws.String(base64.StdEncoding.EncodeToString([]byte(userData))),
		TagSpecifications: []types.TagSpecification{{
			ResourceType: types.ResourceTypeInstance,
			Tags:         []types.Tag{{Key: aws.String("Name"), Value: aws.String("go")}},
		}},
	}))
	instance := server{client, *launched.Instances[0].InstanceId, login, keyFile}
	it := &ec2.DescribeInstancesInput{InstanceIds: []string{instance.id}}
	running := ec2.NewInstanceRunningWaiter(client, func(o *ec2.InstanceRunningWaiterOptions) { o.MinDelay, o.MaxDelay = often, often })
	check(running.Wait(ctx, it, patience))
	fmt.Println(instance.run(ctx, "cat /tmp/told"))

	must(client.CreateTags(ctx, &ec2.CreateTagsInput{
		Resources: it.InstanceIds,
		Tags:      []types.Tag{{Key: aws.String("stage"), Value: aws.String("tried by Go")}},
	}))
	pages := ec2.NewDescribeInstancesPaginator(client, &ec2.DescribeInstancesInput{
		Filters:    []types.Filter{{Name: aws.String("tag:stage"), Values: []string{"*by Go"}}},
		MaxResults: aws.Int32(5),
	})
	for pages.HasMorePages() {
		for _, reservation := range must(pages.NextPage(ctx)).Reservations {
			fmt.Println("tagged:", *reservation.Instances[0].InstanceId)
		}
	}

	volume := must(client.CreateVolume(ctx, &ec2.CreateVolumeInput{
		Size: aws.Int32(1), AvailabilityZone: instance.describe(ctx).Placement.AvailabilityZone,
	}))
	disk := &ec2.DescribeVolumesInput{VolumeIds: []string{*volume.VolumeId}}
	available := ec2.NewVolumeAvailableWaiter(client, func(o *ec2.VolumeAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = often, often })
	check(available.Wait(ctx, disk, patience))
	must(client.AttachVolume(ctx, &ec2.AttachVolumeInput{
		VolumeId: volume.VolumeId, InstanceId: &instance.id, Device: aws.String("/dev/sdf"),
	}))
	inUse := ec2.NewVolumeInUseWaiter(client, func(o *ec2.VolumeInUseWaiterOptions) { o.MinDelay, o.MaxDelay = often, often })
	check(inUse.Wait(ctx, disk, patience))
	for !strings.Contains(instance.run(ctx, "cat /proc/partitions"), "vdb") {
		time.Sleep(often)
	}
	must(client.DetachVolume(ctx, &ec2.DetachVolumeInput{VolumeId: volume.VolumeId}))
	check(available.Wait(ctx, disk, patience))

	snapshot := must(client.CreateSnapshot(ctx, &ec2.CreateSnapshotInput{
		VolumeId: volume.VolumeId, Description: aws.String("of a volume"),
	}))
	completed := ec2.NewSnapshotCompletedWaiter(client, func(o *ec2.SnapshotCompletedWaiterOptions) { o.MinDelay, o.MaxDelay = often, often })
	check(completed.Wait(ctx, &ec2.DescribeSnapshotsInput{SnapshotIds: []string{*snapshot.SnapshotId}}, patience))
	baked := must(client.CreateImage(ctx, &ec2.CreateImageInput{
		InstanceId: &instance.id, Name: aws.String("go-baked"), NoReboot: aws.Bool(true),
	}))
	copies := &ec2.DescribeImagesInput{ImageIds: []string{*baked.ImageId}}
	usable := ec2.NewImageAvailableWaiter(client, func(o *ec2.ImageAvailableWaiterOptions) { o.MinDelay, o.MaxDelay = often, often })
	copied := must(usable.WaitForOutput(ctx, copies, patience)).Images[0]

	must(client.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: it.InstanceIds}))
	stopped := ec2.NewInstanceStoppedWaiter(client, func(o *ec2.InstanceStoppedWaiterOptions) { o.MinDelay, o.MaxDelay = often, often })
	check(stopped.Wait(ctx, it, patience))
	must(client.ModifyInstanceAttribute(ctx, &ec2.ModifyInstanceAttributeInput{
		InstanceId: &instance.id, InstanceType: &types.AttributeValue{Value: aws.String("t3.micro")},
	}))
	must(client.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: it.InstanceIds}))
	check(running.Wait(ctx, it, patience))
	fmt.Println(instance.describe(ctx).InstanceType, instance.run(ctx, "cat /etc/hostname"))

	must(client.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: it.InstanceIds}))
	terminated := ec2.NewInstanceTerminatedWaiter(client, func(o *ec2.InstanceTerminatedWaiterOptions) { o.MinDelay, o.MaxDelay = often, often })
	check(terminated.Wait(ctx, it, patience))
	must(client.DeleteVolume(ctx, &ec2.DeleteVolumeInput{VolumeId: volume.VolumeId}))
	must(client.DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: snapshot.SnapshotId}))
	must(client.DeregisterImage(ctx, &ec2.DeregisterImageInput{ImageId: baked.ImageId}))
	for _, mapping := range copied.BlockDeviceMappings {
		must(client.DeleteSnapshot(ctx, &ec2.DeleteSnapshotInput{SnapshotId: mapping.Ebs.SnapshotId}))
	}
	must(client.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: group.GroupId}))
	must(client.DeleteKeyPair(ctx, &ec2.DeleteKeyPairInput{KeyName: key.KeyName}))
	fmt.Printf("the life of %s is over\n", instance.id)
}
