#!/bin/sh
# Makes interfaces, addresses, routes, rules and neighbours of every kind in this network namespace
# and writes what `ip -j`, the text of `ip`, busybox and /proc/net say of them.
#
# Usage, as root: unshare -n sh network.sh FOLDER
set -eu
out=$1

ip link set lo up
ip link add v0 type veth peer name v1
ip link add br0 type bridge
ip link set v1 master br0
for device in br0 v0 v1; do ip link set "$device" up; done
# Not every kernel has VLANs.
ip link add link v0 name v0.10 type vlan id 10 2>/dev/null || true
ip link add "a'b\"c" type ifb
ip link add d0 type ifb
ip link set d0 alias 'an "alias" here'
ip link set d0 up mtu 9000
ip tuntap add tun0 mode tun
ip link set tun0 up

ip addr add 10.1.0.1/24 dev v0
ip addr add 10.1.0.9/24 dev v0 label v0:1
ip addr add 10.2.0.1 peer 10.2.0.2/32 dev d0
ip addr add 2001:db8:1::1/64 dev v0 nodad
ip addr add 2001:db8:9::1/64 dev d0 nodad preferred_lft 500 valid_lft 1000

ip route add default via 10.1.0.2
ip route add 10.50.0.0/16 nexthop via 10.1.0.3 dev v0 weight 2 nexthop via 10.1.0.4 dev v0 weight 1
for kind in blackhole unreachable prohibit; do
    number=$((${number:-65} + 1))
    ip route add "$kind" "10.$number.0.0/16"
    ip -6 route add "$kind" "2001:db8:$number::/48"
done
ip route add throw 10.69.0.0/16 table 100
ip route add 10.70.0.0/16 via 10.1.0.5 table 100 metric 77 mtu 1400
ip route add 10.71.0.0/16 via inet6 fe80::1 dev v0
ip route add 10.72.0.0/16 dev d0 src 10.2.0.1 proto 186 metric 5
ip route add 10.73.0.0/16 via 192.168.9.9 dev v0 onlink advmss 1200 initcwnd 10
ip route add 10.74.0.0/16 dev d0 metric 4278198272
ip route add default dev d0 metric 900 table 300
ip -6 route add default via 2001:db8:1::2
ip -6 route add 2001:db8:50::/48 nexthop via 2001:db8:1::3 dev v0 weight 2 nexthop via 2001:db8:1::4 dev v0
ip -6 route add 2001:db8:70::/48 via fe80::2 dev v0 metric 50 expires 300
ip -6 route add 2001:db8:71::/48 dev d0 table 200

ip rule add from 10.1.0.0/24 lookup 100 pref 1000
ip rule add fwmark 0x1/0xf iif v0 lookup 100 pref 1001
ip rule add not to 10.9.0.0/16 lookup 200 pref 1002
ip rule add from 10.66.0.0/16 blackhole pref 1003
ip rule add ipproto tcp dport 80 sport 1000-2000 lookup 100 pref 1004
ip rule add iif gone0 lookup 100 pref 1005
ip rule add uidrange 0-99 lookup main suppress_prefixlength 0 pref 1006
ip rule add tos 0x10 goto 32766 pref 1007
ip -6 rule add from 2001:db8:1::/64 lookup 200 pref 1000

ip neigh add 10.1.0.2 lladdr 02:00:00:00:00:02 dev v0
ip neigh add 10.1.0.3 dev v0 nud failed
ip neigh add 10.1.0.4 lladdr 02:00:00:00:00:04 dev v0 nud stale
ip neigh add 10.1.0.5 lladdr 02:00:00:00:00:05 dev v0 nud reachable
ip neigh add 10.1.0.6 lladdr 02:00:00:00:00:06 dev v0 nud noarp
ip neigh add 2001:db8:1::2 lladdr 02:00:00:00:00:02 dev v0 router nud stale
ip neigh add 2001:db8:1::5 lladdr 02:00:00:00:00:05 dev v0 nud permanent
ip neigh add proxy 10.1.0.77 dev v0

capture() {
    ip -j -s -s -d link >"$out/ip-link"
    ip -o -s -s -d link >"$out/ip-link-text"
    ip -j addr show >"$out/ip-addr"
    ip -o addr show >"$out/ip-address-text"
    busybox ip -o addr show >"$out/busybox-address"
    for family in 4 6; do
        ip -j "-$family" route show table all >"$out/ip-route$family"
        ip -o -s "-$family" route show table all >"$out/ip-route$family-text"
        ip "-$family" route show table all >"$out/ip-route$family-lines"
        ip -j "-$family" rule show >"$out/ip-rule$family"
        ip -s "-$family" rule show >"$out/ip-rule$family-text"
    done
    ip -j neigh show >"$out/ip-neigh"
    ip neigh show >"$out/ip-neigh-text"
    busybox ip neigh show >"$out/busybox-neigh"
    for table in route ipv6_route arp if_inet6; do
        cat "/proc/net/$table" >"$out/proc-net-$table"
    done
    cat /proc/net/dev >"$out/proc-net-dev"
}

# Counters and states change while interfaces come up: what is kept was the same before and after.
seen=$(cat /proc/net/dev /proc/net/if_inet6 /proc/net/arp)
for _ in $(seq 100); do
    capture
    now=$(cat /proc/net/dev /proc/net/if_inet6 /proc/net/arp)
    if [ "$seen" = "$now" ] && ! grep -q tentative "$out/ip-address-text"; then exit 0; fi
    seen=$now
    sleep 0.1
done
echo "the interfaces did not come to rest" >&2
exit 1
