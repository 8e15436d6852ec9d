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

// EnsureNetwork makes the network namespace with the node's address, and the one link between it and this
// machine. What is there already is kept.
func (n *Node) EnsureNetwork() error {
	if err := n.checkRoutes(); err != nil {
		return err
	}
	ns, err := n.ensureNetNS()
	if err != nil {
		return fmt.Errorf("make the network namespace %s: %w", n.cfg.Name, err)
	}
	defer ns.Close()
	if err := n.ensureInside(ns); err != nil {
		return fmt.Errorf("set up the network namespace %s: %w", n.cfg.Name, err)
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
		return netns.GetFromPath(n.cfg.NetNSPath())
	}
	// A file without a namespace is what a restart of the machine leaves.
	if err := os.Remove(n.cfg.NetNSPath()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return netns.None(), err
	}
	err := onThread(func() error {
		ns, err := netns.NewNamed(n.cfg.Name)
		if err != nil {
			return err
		}
		return ns.Close()
	})
	if err != nil {
		return netns.None(), err
	}
	return netns.GetFromPath(n.cfg.NetNSPath())
}

// ensureInside gives the namespace the node's bridge with its address, a route to the Services, so that
// packets to them get as far as kube-proxy's rules, and forwarding. There is no default route: nothing in
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
	attrs := netlink.NewLinkAttrs()
	attrs.Name = config.NodeLink
	if err := h.LinkAdd(&netlink.Bridge{LinkAttrs: attrs}); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	bridge, err := h.LinkByName(config.NodeLink)
	if err != nil {
		return err
	}
	if err := h.AddrReplace(bridge, &netlink.Addr{IPNet: ipNet(n.cfg.NodeAddr())}); err != nil {
		return err
	}
	if err := h.LinkSetUp(bridge); err != nil {
		return err
	}
	route := &netlink.Route{LinkIndex: bridge.Attrs().Index, Dst: ipNet(n.cfg.ServiceCIDR()), Scope: netlink.SCOPE_LINK}
	if err := h.RouteReplace(route); err != nil {
		return err
	}
	return onThread(func() error {
		if err := netns.Set(ns); err != nil {
			return err
		}
		return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
	})
}

// ensureHostLink makes the pair of interfaces between this machine and the node's bridge, and this
// machine's routes to pods and Services.
func (n *Node) ensureHostLink(ns netns.NsHandle) error {
	attrs := netlink.NewLinkAttrs()
	attrs.Name = n.cfg.HostLink()
	pair := &netlink.Veth{LinkAttrs: attrs, PeerName: n.cfg.PeerLink(), PeerNamespace: netlink.NsFd(ns)}
	if err := netlink.LinkAdd(pair); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	if err := n.ensurePeer(ns); err != nil {
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
	for _, dst := range []netip.Prefix{n.cfg.PodCIDR(), n.cfg.ServiceCIDR()} {
		route := &netlink.Route{LinkIndex: link.Attrs().Index, Dst: ipNet(dst), Gw: n.cfg.NodeIP().AsSlice()}
		if err := netlink.RouteReplace(route); err != nil {
			return err
		}
	}
	return nil
}

// ensurePeer attaches the inner end of the pair to the node's bridge.
func (n *Node) ensurePeer(ns netns.NsHandle) error {
	h, err := netlink.NewHandleAt(ns)
	if err != nil {
		return err
	}
	defer h.Close()
	peer, err := h.LinkByName(n.cfg.PeerLink())
	if err != nil {
		return err
	}
	bridge, err := h.LinkByName(config.NodeLink)
	if err != nil {
		return err
	}
	if err := h.LinkSetMaster(peer, bridge); err != nil {
		return err
	}
	return h.LinkSetUp(peer)
}

func ipNet(p netip.Prefix) *net.IPNet {
	return &net.IPNet{IP: p.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen())}
}

// deleteNetwork removes the link and the namespace.
func (n *Node) deleteNetwork() error {
	link, err := netlink.LinkByName(n.cfg.HostLink())
	if err == nil {
		err = netlink.LinkDel(link)
	}
	var gone netlink.LinkNotFoundError
	if err != nil && !errors.As(err, &gone) {
		return fmt.Errorf("delete the interface %s: %w", n.cfg.HostLink(), err)
	}
	path := n.cfg.NetNSPath()
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
	if err := unix.Statfs(n.cfg.NetNSPath(), &fsInfo); err != nil || fsInfo.Type != unix.NSFS_MAGIC {
		return 0
	}
	return inode(n.cfg.NetNSPath())
}

func inode(path string) uint64 {
	var st unix.Stat_t
	if err := unix.Stat(filepath.Clean(path), &st); err != nil {
		return 0
	}
	return st.Ino
}
