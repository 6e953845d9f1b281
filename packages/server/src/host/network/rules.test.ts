import { expect, it } from 'vitest'
import { namesOf, parseBlock } from './addresses.ts'
import { hostRules, noHostRules, slotDns, slotPolicy, slotRules } from './rules.ts'

it('a slot with internet access', () => {
  expect(slotRules({ internetAccess: true, upstreams: ['192.0.2.53', '198.51.100.53'] })).toMatchInlineSnapshot(`
    "add table inet nullspace
    delete table inet nullspace
    table inet nullspace {
      set refused {
        type ipv4_addr; flags interval
        elements = { 0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.88.99.0/24, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3 }
      }
      chain source {
        type filter hook prerouting priority raw; policy drop
        iifname "up0" meta nfproto ipv4 accept
        iifname "tap0" ip saddr 10.111.0.2 accept
      }
      chain dstnat {
        type nat hook prerouting priority dstnat; policy accept
        iifname "up0" meta l4proto { tcp, udp } dnat ip to 10.111.0.2
        iifname "tap0" meta l4proto { tcp, udp } th dport 53 jump dns
      }
      chain dns {
      }
      chain srcnat {
        type nat hook postrouting priority srcnat; policy accept
        oifname { "tap0", "up0" } masquerade
      }
      chain forward {
        type filter hook forward priority filter; policy drop
        ct state invalid drop
        iifname "tap0" ct state new tcp flags & (fin | syn | rst | ack) != syn reject with tcp reset
        iifname "up0" oifname "tap0" ct state established,related accept
        iifname "up0" oifname "tap0" ct status dnat accept
        iifname "tap0" oifname "up0" ct state established,related ct direction reply accept
        iifname "tap0" oifname "up0" jump out
      }
      chain out {
      }
      chain input {
        type filter hook input priority filter; policy drop
        iifname "tap0" ct state new tcp flags & (fin | syn | rst | ack) != syn reject with tcp reset
        iifname "tap0" reject with icmpx type admin-prohibited
      }
      chain output {
        type filter hook output priority filter; policy drop
        ct state related accept
      }
    }
    flush chain inet nullspace out
    add rule inet nullspace out ct status dnat ct original ip daddr { 10.111.0.1, 10.111.0.5 } meta l4proto { tcp, udp } th dport 53 accept
    add rule inet nullspace out ip daddr @refused reject with icmpx type admin-prohibited
    add rule inet nullspace out meta l4proto { icmp, tcp, udp } accept
    add rule inet nullspace out reject with icmpx type admin-prohibited
    flush chain inet nullspace dns
    add rule inet nullspace dns dnat ip to ip daddr map { 10.111.0.1 : 192.0.2.53, 10.111.0.5 : 198.51.100.53 }
    "
  `)
})

it('the swap to no internet access is one flush and one refusal', () => {
  expect(slotPolicy(false)).toMatchInlineSnapshot(`
    "flush chain inet nullspace out
    add rule inet nullspace out reject with icmpx type admin-prohibited
    "
  `)
})

it('a slot without internet access differs in that chain alone', () => {
  const [open, shut] = [true, false].map((internetAccess) => slotRules({ internetAccess, upstreams: ['192.0.2.53'] }))
  expect(open?.replace(slotPolicy(true), '')).toBe(shut?.replace(slotPolicy(false), ''))
})

it('one upstream serves both resolver addresses, none serves neither', () => {
  expect([slotDns(['192.0.2.53']), slotDns([])]).toMatchInlineSnapshot(`
    [
      "flush chain inet nullspace dns
    add rule inet nullspace dns dnat ip to ip daddr map { 10.111.0.1 : 192.0.2.53, 10.111.0.5 : 192.0.2.53 }
    ",
      "flush chain inet nullspace dns
    ",
    ]
  `)
})

it('the host', () => {
  const input = { ...namesOf('beef'), block: parseBlock('100.64.16.0/20'), upstreams: ['10.0.0.53', '10.0.0.53'] }
  expect(hostRules(input)).toMatchInlineSnapshot(`
    "add table inet nullspace_beef
    delete table inet nullspace_beef
    table inet nullspace_beef {
      set refused {
        type ipv4_addr; flags interval
        elements = { 0.0.0.0/8, 10.0.0.0/8, 100.64.0.0/10, 127.0.0.0/8, 169.254.0.0/16, 172.16.0.0/12, 192.0.0.0/24, 192.88.99.0/24, 192.168.0.0/16, 198.18.0.0/15, 224.0.0.0/3 }
      }
      chain from_slot {
        meta nfproto != ipv4 drop
        ct state invalid drop
        ip saddr != 100.64.16.0/20 drop
        oifname "nvbeef-*" drop
        ct status dnat drop
        tcp flags syn tcp option maxseg size set rt mtu
        ip daddr { 10.0.0.53 } meta l4proto { tcp, udp } th dport 53 accept
        ip daddr @refused drop
      }
      chain forward {
        type filter hook forward priority filter; policy accept
        iifname "nvbeef-*" jump from_slot
        oifname "nvbeef-*" ct state established,related accept
        oifname "nvbeef-*" drop
      }
      chain input {
        type filter hook input priority filter; policy accept
        iifname "nvbeef-*" ct state established,related accept
        iifname "nvbeef-*" ip daddr { 10.0.0.53 } meta l4proto { tcp, udp } th dport 53 accept
        iifname "nvbeef-*" drop
      }
      chain postrouting {
        type nat hook postrouting priority srcnat; policy accept
        ip saddr 100.64.16.0/20 oifname != "nvbeef-*" masquerade
      }
    }
    "
  `)
  expect(noHostRules(input.table)).toMatchInlineSnapshot(`
    "add table inet nullspace_beef
    delete table inet nullspace_beef
    "
  `)
})
