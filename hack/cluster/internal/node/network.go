// Copyright 2026 The Trainyard Authors.
// SPDX-License-Identifier: Apache-2.0

//go:build linux

package node

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"github.com/vishvananda/netlink"
	"github.com/vishvananda/netns"
	"golang.org/x/sys/unix"

	"github.com/trainyard-dev/trainyard/hack/cluster/internal/config"
)

// EnsureNetwork makes the node's network namespace with its address, and its one link: the first node's to this
// machine, any other's to the first node. What is there already is kept.
func (n *Node) EnsureNetwork() error {
	if n.Index == 0 {
		if err := n.checkRoutes(); err != nil {
			return err
		}
	}
	ns, err := n.ensureNetNS()
	if err != nil {
		return fmt.Errorf("make the network namespace %s: %w", n.NetNS(), err)
	}
	defer ns.Close()
	if n.Index > 0 {
		if err := n.ensureLinkToFirst(ns); err != nil {
			return fmt.Errorf("link %s to the first node: %w", n.Name(), err)
		}
	}
	if err := n.ensureInside(ns); err != nil {
		return fmt.Errorf("set up the network namespace %s: %w", n.NetNS(), err)
	}
	if n.Index > 0 {
		return nil
	}
	if err := n.ensureHostLink(ns); err != nil {
		return fmt.Errorf("link this machine to the cluster by %s: %w", n.cfg.HostLink(), err)
	}
	return nil
}

// checkRoutes refuses a subnet that this machine already has a route into.
func (n *Node) checkRoutes() error {
	links, err := netlink.LinkList()
	if err != nil {
		return fmt.Errorf("list the interfaces: %w", err)
	}
	names := map[int]string{}
	for _, l := range links {
		names[l.Attrs().Index] = l.Attrs().Name
	}
	routes, err := netlink.RouteList(nil, netlink.FAMILY_V4)
	if err != nil {
		return fmt.Errorf("list the routes: %w", err)
	}
	for _, r := range routes {
		name := names[r.LinkIndex]
		if name == n.cfg.HostLink() || !overlaps(n.cfg.Subnet, r.Dst) {
			continue
		}
		return fmt.Errorf("the cluster's subnet %s overlaps this machine's route %s by %s: choose another with --subnet",
			n.cfg.Subnet, r.Dst, name)
	}
	return nil
}

// overlaps reports whether a route's destination shares addresses with the subnet; a default route does not count.
func overlaps(subnet netip.Prefix, dst *net.IPNet) bool {
	if dst == nil {
		return false
	}
	addr, ok := netip.AddrFromSlice(dst.IP.To4())
	if !ok {
		return false
	}
	bits, _ := dst.Mask.Size()
	return bits > 0 && subnet.Overlaps(netip.PrefixFrom(addr, bits))
}

// ensureNetNS returns the namespace, which it makes if there is none.
func (n *Node) ensureNetNS() (netns.NsHandle, error) {
	if n.netNSInode() != 0 {
		return netns.GetFromPath(n.NetNSPath())
	}
	// A file without a namespace is what a restart of the machine leaves.
	if err := os.Remove(n.NetNSPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return netns.None(), err
	}
	err := onThread(func() error {
		ns, err := netns.NewNamed(n.NetNS())
		if err != nil {
			return err
		}
		return ns.Close()
	})
	if err != nil {
		return netns.None(), err
	}
	return netns.GetFromPath(n.NetNSPath())
}

// ensureInside gives the namespace the node's address, routes to the other nodes' pods and to the Services, so that
// packets to these get as far as kube-proxy's rules, and forwarding. There is no default route: nothing in
// the cluster can reach beyond this machine.
func (n *Node) ensureInside(ns netns.NsHandle) error {
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer h.Close()
	lo, err := h.LinkByName("lo")
	if err != nil {
		return err
	}
	if err := h.LinkSetUp(lo); err != nil {
		return err
	}
	if n.Index == 0 {
		attrs := netlink.NewLinkAttrs()
		attrs.Name, attrs.HardwareAddr = n.Link(), n.hardwareAddr()
		if err := h.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil && !errors.Is(err, unix.EEXIST) {
			return err
		}
	}
	link, err := h.LinkByName(n.Link())
	if err != nil {
		return err
	}
	if err := h.AddrReplace(link, &netlink.Addr{IPNet: ipNet(n.Addr())}); err != nil {
		return err
	}
	if err := h.LinkSetUp(link); err != nil {
		return err
	}
	routes := []*netlink.Route{{LinkIndex: link.Attrs().Index, Dst: ipNet(n.cfg.ServiceCIDR()), Scope: netlink.SCOPE_LINK}}
	for _, other := range n.cfg.AllNodes() {
		if other.Index != n.Index {
			routes = append(routes, podRoute(link, other))
		}
	}
	for _, route := range routes {
		if err := h.RouteReplace(route); err != nil {
			return err
		}
	}
	return onThread(func() error {
		if err := netns.Set(ns); err != nil {
			return err
		}
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
	})
}

// podRoute leads to a node's pods.
func podRoute(link netlink.Link, to config.Node) *netlink.Route {
	return &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(to.PodCIDR()), Gw: to.IP().AsSlice()}
}

// ensureHostLink makes the pair of interfaces between this machine and the first node's bridge, and this
// machine's routes to pods and Services.
func (n *Node) ensureHostLink(ns netns.NsHandle) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = n.cfg.HostLink()
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: n.Port(), PeerNamespace: netlink.NsFd(ns)}
	if err := netlink.LinkAdd(pair); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := attach(ns, n.Port(), n.Link()); err != nil {
		return err
	}
	link, err := netlink.LinkByName(n.cfg.HostLink())
	if err != nil {
		return err
	}
	if err := netlink.AddrReplace(link, &netlink.Addr{IPNet: ipNet(n.cfg.HostAddr())}); err != nil {
		return err
	}
	if err := netlink.LinkSetUp(link); err != nil {
		return err
	}
	routes := []*netlink.Route{{LinkIndex: link.Attrs().Index, Dst: ipNet(n.cfg.ServiceCIDR()), Gw: n.cfg.NodeIP().AsSlice()}}
	for _, node := range n.cfg.AllNodes() {
		routes = append(routes, podRoute(link, node))
	}
	for _, route := range routes {
		if err := netlink.RouteReplace(route); err != nil {
			return err
		}
	}
	return nil
}

// ensureLinkToFirst makes the pair of interfaces between the node and the first node's bridge.
func (n *Node) ensureLinkToFirst(ns netns.NsHandle) error {
	first := n.cfg.Node(0)
	firstNS, err := netns.GetFromPath(first.NetNSPath())
	if err != nil {
		return err
	}
	defer firstNS.Close()
	h, err := netlink.NewHandleAt(firstNS)
	if err != nil {
		return err
	}
	defer h.Close()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = n.Port()
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: n.Link(), PeerHardwareAddr: n.hardwareAddr(), PeerNamespace: netlink.NsFd(ns)}
	if err := h.LinkAdd(pair); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return attach(firstNS, n.Port(), first.Link())
}

// attach attaches an interface to the first node's bridge, both of them in its namespace.
func attach(ns netns.NsHandle, port, bridge string) error {
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer h.Close()
	link, err := h.LinkByName(port)
	if err != nil {
		return err
	}
	master, err := h.LinkByName(bridge)
	if err != nil {
		return err
	}
	if err := h.LinkSetMaster(link, master); err != nil {
		return err
	}
	return h.LinkSetUp(link)
}

// hardwareAddr is the node's own and lasts. A bridge's would else change with what is attached to it, and a node's when it comes
// back; the others would go on sending to the one that they know.
func (n *Node) hardwareAddr() net.HardwareAddr {
	const locallyAdministered = 0x02
	return append(net.HardwareAddr{locallyAdministered, 0}, n.IP().AsSlice()...)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// deleteLink removes the node's link, after which nobody hears from it.
func (n *Node) deleteLink() error {
	if n.Index == 0 {
		return deleteLink(&netlink.Handle{}, n.cfg.HostLink())
	}
	first := New(n.cfg.Node(0))
	if first.netNSInode() == 0 {
		return nil // the link went with the first node's namespace
	}
	ns, err := netns.GetFromPath(first.NetNSPath())
	if err != nil {
		return err
	}
	defer ns.Close()
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer h.Close()
	return deleteLink(h, n.Port())
}

func deleteLink(h *netlink.Handle, name string) error {
	link, err := h.LinkByName(name)
	if err == nil {
		err = h.LinkDel(link)
	}
	var gone netlink.LinkNotFoundError
	if err != nil && !errors.As(err, &gone) {
		return fmt.Errorf("delete the interface %s: %w", name, err)
	}
	return nil
}

// deleteNetNS removes the namespace, which ends with its last process.
func (n *Node) deleteNetNS() error {
	path := n.NetNSPath()
	if err := unix.Unmount(path, unix.MNT_DETACH); err != nil && !errors.Is(err, unix.EINVAL) && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("unmount %s: %w", path, err)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// netNSInode identifies the network namespace; it is 0 if there is none.
func (n *Node) netNSInode() uint64 {
	var fsInfo unix.Statfs_t
	if err := unix.Statfs(n.NetNSPath(), &fsInfo); err != nil || fsInfo.Type != unix.NSFS_MAGIC {
		return 0
	}
	return inode(n.NetNSPath())
}

func inode(path string) uint64 {
	var st unix.Stat_t
	if err := unix.Stat(filepath.Clean(path), &st); err != nil {
		return 0
	}
	return st.Ino
}
