import { describe, expect, it } from 'vitest'
import { namesOf } from './addresses.ts'
import { type Firewall, forwardFindings } from './diagnose.ts'
import { explain } from './requirements.ts'
import { MissingProgramError, ProgramError } from './run.ts'

const names = namesOf('beef')
const docker = '-P INPUT ACCEPT\n-P FORWARD DROP\n-P OUTPUT ACCEPT\n-N DOCKER\n-N DOCKER-USER\n-A FORWARD -j DOCKER-USER\n'
const dockerChains = [{ family: 'ip', table: 'filter', name: 'FORWARD', hook: 'forward', policy: 'drop' }]
const findings = (firewall: Partial<Firewall>) => forwardFindings({ chains: [], iptables: '', ...firewall }, names)

describe('firewalls that drop what they forward', () => {
  it('there are none', () => {
    expect(findings({ chains: [{ family: 'inet', table: names.table, name: 'forward', hook: 'forward', policy: 'accept' }] }))
      .toMatchInlineSnapshot(`
      [
        {
          "fix": null,
          "ok": true,
          "what": "forwarding of guests' packets",
          "why": "no other firewall chain drops them by default",
        },
      ]
    `)
  })
  it('Docker, seen once though it shows in both lists', () => {
    expect(findings({ chains: dockerChains, iptables: docker })).toMatchInlineSnapshot(`
      [
        {
          "fix": "iptables -I DOCKER-USER -i nvbeef-+ -j ACCEPT; iptables -I DOCKER-USER -o nvbeef-+ -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT",
          "ok": false,
          "what": "forwarding of guests' packets",
          "why": "iptables drops forwarded packets by default here (Docker sets this), so guests reach nothing outside",
        },
      ]
    `)
  })
  it('iptables-legacy, which nft does not show', () => {
    expect(findings({ iptables: '-P FORWARD DROP\n' })[0]?.fix).toMatch(/^iptables -I FORWARD -i nvbeef-\+ -j ACCEPT;/)
  })
  it('Docker, opened as we advised', () => {
    const opened = '-A DOCKER-USER -o nvbeef-+ -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT\n-A DOCKER-USER -i nvbeef-+ -j ACCEPT\n'
    expect(findings({ chains: dockerChains, iptables: docker + opened }).map(({ ok }) => ok)).toEqual([true])
    expect(findings({ chains: dockerChains, iptables: docker + opened.replaceAll('beef', 'feed') }).map(({ ok }) => ok)).toEqual([false])
  })
  it('a hand-written nftables firewall', () => {
    expect(findings({ chains: [{ family: 'inet', table: 'filter', name: 'forward', hook: 'forward', policy: 'drop' }] }))
      .toMatchInlineSnapshot(`
      [
        {
          "fix": "nft insert rule inet filter forward iifname "nvbeef-*" accept; nft insert rule inet filter forward oifname "nvbeef-*" ct state established,related accept",
          "ok": false,
          "what": "forwarding of guests' packets",
          "why": "the nftables chain inet filter forward drops by default; unless it accepts nvbeef-* both ways, guests reach nothing outside",
        },
      ]
    `)
  })
})

describe('what a host lacks', () => {
  const failed = (stderr: string) => new ProgramError('ip exited with 1', { program: 'ip', exitCode: 1, stderr })
  it.each([
    [new MissingProgramError('nft'), 'nft is missing: install nftables'],
    [failed('open: No such file or directory: /dev/net/tun'), 'no tap devices'],
    [failed('mount --make-shared /run/netns failed: Operation not permitted'), 'network namespaces cannot be made here'],
    [failed('sysctl: setting key "net.ipv4.ip_forward": Read-only file system'), '/proc/sys is read-only'],
    [failed('Error: Unknown device type.'), 'no veth devices'],
    [failed('slot.nft:3:1-5: Error: Could not process rule: No such file or directory'), 'does not take the nftables rules'],
    [failed('RTNETLINK answers: Operation not permitted'), 'CAP_NET_ADMIN'],
  ])('%s', (error, sentence) => expect(String(explain(error))).toContain(sentence))
  it('leaves an error it cannot place as it is', () => {
    const error = failed('RTNETLINK answers: File exists')
    expect(explain(error)).toBe(error)
  })
})
