import { describe, expect, it } from 'vitest'
import { findUpstreams } from './dns.ts'

const files = (contents: Record<string, string>) => async (path: string) => contents[path] ?? null

describe('findUpstreams', () => {
  it('takes the first two of the host', async () => {
    const read = files({
      '/etc/resolv.conf': '# nameserver 9.9.9.9\nsearch x\nnameserver 10.0.0.2\n  nameserver\t10.0.0.3\nnameserver 10.0.0.4\n',
    })
    expect((await findUpstreams(undefined, read)).upstreams).toEqual(['10.0.0.2', '10.0.0.3'])
  })
  it('looks behind the stub of systemd-resolved', async () => {
    const read = files({
      '/etc/resolv.conf': 'nameserver 127.0.0.53\n',
      '/run/systemd/resolve/resolv.conf': 'nameserver fe80::1%eth0\nnameserver 192.0.2.7\n',
    })
    expect(await findUpstreams([], read)).toMatchInlineSnapshot(`
      {
        "fix": null,
        "ok": true,
        "upstreams": [
          "192.0.2.7",
        ],
        "what": "DNS for guests",
        "why": "questions go to 192.0.2.7 (from /run/systemd/resolve/resolv.conf)",
      }
    `)
  })
  it('says what is wrong with a resolver on loopback', async () => {
    expect(await findUpstreams(undefined, files({ '/etc/resolv.conf': 'nameserver 127.0.0.1\nnameserver ::1\n' }))).toMatchInlineSnapshot(`
      {
        "fix": "set the DNS upstreams in the configuration to a resolver that is reachable from this host",
        "ok": false,
        "upstreams": [],
        "what": "DNS for guests",
        "why": "/etc/resolv.conf names only 127.0.0.1, ::1, which a guest cannot reach: a resolver needs an IPv4 address other than loopback",
      }
    `)
  })
  it('says so when there is none', async () => {
    expect((await findUpstreams(undefined, files({}))).why).toMatchInlineSnapshot(
      `"/etc/resolv.conf names no resolver, so guests cannot look names up"`,
    )
  })
  it('prefers the configuration, and judges it as well', async () => {
    const read = files({ '/etc/resolv.conf': 'nameserver 10.0.0.2\n' })
    expect(await findUpstreams(['192.0.2.9'], read)).toMatchObject({ ok: true, upstreams: ['192.0.2.9'] })
    expect(await findUpstreams(['127.0.0.1'], read)).toMatchObject({ ok: false, upstreams: [] })
    expect(await findUpstreams(['dns.example; drop'], read)).toMatchObject({ ok: false, upstreams: [] })
  })
})
