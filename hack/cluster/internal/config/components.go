// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

package config

import "strconv"

// A Component is a process of the cluster.
type Component struct {
	// Node that it runs on.
	Node Node
	// Name, unique on the node.
	Name string
	// Path of the program. A running one is known by it: it is the first of its arguments.
	Path string
	// Args follow the path.
	Args []string
}

const (
	// Agent is the tool's own component: the image registry and the care of the volumes.
	Agent = "agent"

	etcdClients = "http://127.0.0.1:2379"
	etcdPeers   = "http://127.0.0.1:2380"
	localhost   = "127.0.0.1"
	// MetricsService is the Service through which the API server reaches metrics-server.
	MetricsService = "metrics-server"
	// MetricsPort is where metrics-server listens on the node.
	MetricsPort = 4443
	// SystemNamespace holds what belongs to the cluster itself.
	SystemNamespace = "kube-system"
)

// ControlPlane returns what the API server is made of, and the first node's container runtime, which needs no API server.
func (c *Config) ControlPlane() []Component {
	return []Component{c.etcd(), c.Node(0).containerd(), c.apiServer()}
}

// FirstNode returns the components of the first node that need an API server that answers.
func (c *Config) FirstNode() []Component {
	n := c.Node(0)
	return []Component{c.controllerManager(), c.scheduler(), n.kubelet(), n.proxy(), c.dns(), c.agent()}
}

// Worker returns the components of a node that has no control plane.
func (n Node) Worker() []Component {
	return []Component{n.containerd(), n.kubelet(), n.proxy()}
}

// component is one of the first node.
func (c *Config) component(name string, args ...string) Component {
	return c.Node(0).component(name, args...)
}

func (n Node) component(name string, args ...string) Component {
	return Component{Node: n, Name: name, Path: n.Cluster.Bin(name), Args: args}
}

func (c *Config) etcd() Component {
	return c.component("etcd",
		"--data-dir="+c.Path("etcd"),
		"--listen-client-urls="+etcdClients, "--advertise-client-urls="+etcdClients,
		"--listen-peer-urls="+etcdPeers, "--initial-advertise-peer-urls="+etcdPeers,
		"--initial-cluster=default="+etcdPeers,
		"--unsafe-no-fsync", // the data need not outlive the machine's power
		"--log-level=warn",
	)
}

func (n Node) containerd() Component {
	return n.component("containerd", "--config="+n.containerdConfig())
}

func (c *Config) apiServer() Component {
	return c.component("kube-apiserver",
		"--advertise-address="+c.NodeIP().String(),
		"--allow-privileged=true",
		"--authorization-mode=Node,RBAC",
		"--client-ca-file="+c.CAFile(),
		"--enable-admission-plugins=NodeRestriction",
		"--enable-aggregator-routing=true",
		"--etcd-servers="+etcdClients,
		"--kubelet-certificate-authority="+c.CAFile(),
		"--kubelet-client-certificate="+c.CertFile("kube-apiserver-kubelet"),
		"--kubelet-client-key="+c.KeyFile("kube-apiserver-kubelet"),
		"--kubelet-preferred-address-types=InternalIP",
		"--proxy-client-cert-file="+c.CertFile("front-proxy-client"),
		"--proxy-client-key-file="+c.KeyFile("front-proxy-client"),
		"--requestheader-allowed-names=front-proxy-client",
		"--requestheader-client-ca-file="+c.CertFile(proxyAuthority),
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--requestheader-group-headers=X-Remote-Group",
		"--requestheader-username-headers=X-Remote-User",
		"--secure-port="+strconv.Itoa(apiServerPort),
		"--service-account-issuer=https://kubernetes.default.svc."+ClusterDomain,
		"--service-account-key-file="+c.Path("pki", tokenKey+".pub"),
		"--service-account-signing-key-file="+c.KeyFile(tokenKey),
		"--service-cluster-ip-range="+c.ServiceCIDR().String(),
		"--tls-cert-file="+c.CertFile("kube-apiserver"),
		"--tls-private-key-file="+c.KeyFile("kube-apiserver"),
	)
}

func (c *Config) controllerManager() Component {
	kubeconfig := c.KubeconfigFile("kube-controller-manager")
	return c.component("kube-controller-manager",
		"--authentication-kubeconfig="+kubeconfig,
		"--authorization-kubeconfig="+kubeconfig,
		"--bind-address="+localhost,
		"--cluster-signing-cert-file="+c.CAFile(),
		"--cluster-signing-key-file="+c.KeyFile(authority),
		"--kubeconfig="+kubeconfig,
		"--leader-elect=false",
		"--root-ca-file="+c.CAFile(),
		"--service-account-private-key-file="+c.KeyFile(tokenKey),
		"--use-service-account-credentials=true",
	)
}

func (c *Config) scheduler() Component {
	kubeconfig := c.KubeconfigFile("kube-scheduler")
	return c.component("kube-scheduler",
		"--authentication-kubeconfig="+kubeconfig,
		"--authorization-kubeconfig="+kubeconfig,
		"--bind-address="+localhost,
		"--kubeconfig="+kubeconfig,
		"--leader-elect=false",
	)
}

func (n Node) kubelet() Component {
	return n.component("kubelet",
		"--config="+n.kubeletConfig(),
		"--hostname-override="+n.Name(),
		"--kubeconfig="+n.Cluster.KubeconfigFile(n.kubeletUser()),
		"--node-ip="+n.IP().String(),
	)
}

func (n Node) proxy() Component {
	return n.component("kube-proxy",
		"--bind-address="+n.IP().String(),
		"--cluster-cidr="+n.Cluster.PodCIDR().String(),
		"--conntrack-max-per-core=0", // the limits are the whole machine's: leave them
		"--conntrack-min=0",
		"--healthz-bind-address="+localhost+":10256",
		"--hostname-override="+n.Name(),
		"--kubeconfig="+n.Cluster.KubeconfigFile("kube-proxy"),
		"--proxy-mode=nftables",
	)
}

func (c *Config) dns() Component {
	return c.component("coredns", "-conf="+c.corefile())
}

// agent is this program under another name: Path is what it is known by, not a file.
func (c *Config) agent() Component {
	return Component{
		Node: c.Node(0),
		Name: Agent,
		Path: c.Path(Agent),
		Args: []string{Agent, "--name=" + c.Name, "--subnet=" + c.Subnet.String()},
	}
}

// Metrics returns the optional component that measures what pods use.
func (c *Config) Metrics() Component {
	kubeconfig := c.KubeconfigFile("metrics-server")
	return c.component("metrics-server",
		"--authentication-kubeconfig="+kubeconfig,
		"--authorization-kubeconfig="+kubeconfig,
		"--bind-address="+c.NodeIP().String(),
		"--kubeconfig="+kubeconfig,
		"--kubelet-certificate-authority="+c.CAFile(),
		"--kubelet-preferred-address-types=InternalIP",
		"--metric-resolution=15s",
		"--secure-port="+strconv.Itoa(MetricsPort),
		"--tls-cert-file="+c.CertFile("metrics-server-serving"),
		"--tls-private-key-file="+c.KeyFile("metrics-server-serving"),
	)
}
