// Git in a real guest: what its git prints is told as values whatever a repository looks like, and credentials are seen by
// nobody but the git that they are for.

import { createHash, randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { until } from '@nullspace/vmm/exam/until.ts'
import { beforeAll, describe, expect, test } from 'vitest'
import type { Reply } from './lib/client.ts'
import type { Machine } from './lib/machine.ts'
import { useShared } from './lib/shared.ts'

const shared = useShared()

// What it reads depends on the call.
// oxlint-disable-next-line no-explicit-any
type Anything = any
let machine: Machine
beforeAll(async () => {
  machine = await shared.machine({ envs: { LC_ALL: 'C.UTF-8' } })
  await machine.text(
    'git config --global user.name Me && git config --global user.email me@example.com && git config --global init.defaultBranch main',
  )
})
const post = (verb: string, body: object): Promise<Reply<Anything>> =>
  shared.client.call('POST', `/v1/machines/${machine.id}/git/${verb}`, body)
const get = (verb: string, path: string): Promise<Reply<Anything>> =>
  shared.client.call('GET', `/v1/machines/${machine.id}/git/${verb}?path=${encodeURIComponent(path)}`)
/** The body of a call that must succeed. */
async function done(call: Promise<Reply<Anything>>): Promise<Anything> {
  const { status, body } = await call
  expect({ status, body }).toMatchObject({ status: 200 })
  return body
}
const said = ({ status, body }: Reply<Anything>): string => `${status} ${body.code ?? ''}`.trim()

/** A bare repository with one commit of a file. */
async function upstream(path: string): Promise<void> {
  await machine.text(
    `git init -q --bare ${path} && git clone -q ${path} ${path}.made 2>&1 && cd ${path}.made && echo one > file && git add . && git commit -qm first && git push -q origin main && git -C ${path} update-server-info && rm -rf ${path}.made`,
  )
}

describe('a repository', () => {
  test('without commits', async () => {
    await machine.text('git init -q /srv/empty')
    expect(await done(get('status', '/srv/empty'))).toEqual({ branch: 'main', detached: false, clean: true, changed: [] })
    expect(await done(get('log', '/srv/empty'))).toEqual({ commits: [] })
    expect(await done(get('branch', '/srv/empty'))).toEqual({ branches: [], current: 'main' })
    const nothing = await post('commit', { path: '/srv/empty', message: 'm', add_all: true })
    expect(nothing).toMatchObject({ status: 409, body: { code: 'git_error', details: { exit_code: 1 } } })
    expect(nothing.body.error).toContain('nothing to commit')
    expect(said(await post('branch', { path: '/srv/empty', name: 'b' }))).toBe('409 git_error')
  })

  test('any names of files, staged and told', async () => {
    await machine.python(
      `import os
os.makedirs('/srv/names/dir'); os.chdir('/srv/names'); os.system('git init -q')
for name in (b'plain', b'two words', b'line\\nbreak', b':(top)odd', b'-dash', b'\\xff\\xc3', b'dir/in', 'ü'.encode()): open(name, 'w').write('x')`,
    )
    const names = ['plain', 'two words', 'line\nbreak', ':(top)odd', '-dash', '\udcff\udcc3', 'ü']
    const untracked = (await done(get('status', '/srv/names'))).changed
    expect(untracked.map(({ path }: Anything) => path).toSorted()).toEqual([...names, 'dir/'].toSorted())
    expect(await done(post('add', { path: '/srv/names', files: names }))).toEqual({ ok: true })
    const { changed, clean } = await done(get('status', '/srv/names/dir'))
    expect(clean).toBe(false)
    expect(
      changed
        .filter(({ staged }: Anything) => staged)
        .map(({ path }: Anything) => path)
        .toSorted(),
    ).toEqual(names.toSorted())
    expect(changed.filter(({ staged }: Anything) => !staged)).toEqual([
      { path: 'dir/', status: 'untracked', staged: false, unstaged: true },
    ])
    const { sha } = await done(
      post('commit', { path: '/srv/names', message: '# Ä\n\nbody "x" $y', add_all: true, author_name: 'Zoë', author_email: 'z@x' }),
    )
    const { commits } = await done(get('log', '/srv/names'))
    expect(commits).toEqual([
      { sha, author_name: 'Zoë', author_email: 'z@x', date: expect.stringMatching(/^\d{4}-.*\d$/), message: '# Ä\n\nbody "x" $y' },
    ])
    expect(await done(get('status', '/srv/names'))).toMatchObject({ clean: true, changed: [] })
    expect(said(await post('add', { path: '/srv/names', files: ['none'] }))).toBe('409 git_error')
  })

  test('renames, deletions, modes, conflicts and submodules', async () => {
    await upstream('/srv/sub.git')
    await machine.text(
      `git init -q /srv/kinds && cd /srv/kinds && seq 50 > moved && echo a > gone && echo a > both && echo a > link && git -c protocol.file.allow=always submodule -q add /srv/sub.git sub && git add . && git commit -qm 1`,
    )
    await machine.text(
      `cd /srv/kinds && git mv moved 'to here' && rm gone && rm link && ln -s x link && echo b >> both && git add both && echo c >> both && echo > sub/new`,
    )
    const byPath = async (): Promise<Anything> =>
      Object.fromEntries((await done(get('status', '/srv/kinds'))).changed.map(({ path, ...rest }: Anything) => [path, rest]))
    expect(await byPath()).toEqual({
      'to here': { status: 'renamed', staged: true, unstaged: false, original_path: 'moved' },
      gone: { status: 'deleted', staged: false, unstaged: true },
      link: { status: 'type_changed', staged: false, unstaged: true },
      both: { status: 'modified', staged: true, unstaged: true },
      sub: { status: 'modified', staged: false, unstaged: true },
    })
    await machine.text(
      `cd /srv/kinds && git reset -q --hard && git checkout -qb other && echo other > both && git commit -qam o && git checkout -q main && echo main > both && git commit -qam m`,
    )
    expect(said(await post('pull', { path: '/srv/kinds', remote: 'file:///srv/kinds', branch: 'other' }))).toBe('409 git_error')
    await machine.text('git config --global pull.rebase false')
    const conflict = await post('pull', { path: '/srv/kinds', remote: 'file:///srv/kinds', branch: 'other' })
    expect(conflict.body).toMatchObject({ code: 'git_error', error: expect.stringContaining('fix conflicts') })
    expect(await byPath()).toMatchObject({ both: { status: 'unmerged', staged: false, unstaged: true } })
  })

  test('branches and where HEAD is', async () => {
    const path = '/srv/branches'
    await machine.text(
      `git init -q ${path} && cd ${path} && git commit -q --allow-empty -m 1 && git tag v1 && git commit -q --allow-empty -m 2`,
    )
    await done(post('branch', { path, name: 'feature/ü' }))
    await done(post('checkout', { path, ref: 'new', create: true }))
    expect(await done(get('branch', path))).toEqual({ branches: ['feature/ü', 'main', 'new'], current: 'new' })
    expect(said(await post('checkout', { path, ref: 'new', create: true }))).toBe('409 git_error')
    await machine.text(`git -C ${path} commit -q --allow-empty -m 'only here'`)
    await done(post('checkout', { path, ref: 'v1' }))
    expect(await done(get('branch', path))).toEqual({ branches: ['feature/ü', 'main', 'new'] })
    expect(await done(get('status', path))).toEqual({ detached: true, clean: true, changed: [] })
    expect(said(await post('branch', { path, name: 'new', action: 'delete', force: false }))).toBe('409 git_error')
    await done(post('branch', { path, name: 'new', action: 'delete', force: true }))
    await done(post('checkout', { path, ref: 'main' }))
    await done(post('branch', { path, name: 'feature/ü', action: 'delete' }))
    expect(await done(get('branch', path))).toEqual({ branches: ['main'], current: 'main' })
    // Never a file, also when there is one of that name.
    await machine.text(`echo x > ${path}/file && git -C ${path} add file`)
    expect(said(await post('checkout', { path, ref: 'file' }))).toBe('409 git_error')
  })

  test('none', async () => {
    const outside = await get('status', '/srv')
    expect(outside).toMatchObject({ status: 409, body: { code: 'git_error', details: { exit_code: 128 } } })
    expect(outside.body.error).toContain('not a git repository')
    expect(said(await get('status', '/srv/none'))).toBe('404 file_not_found')
    expect(said(await get('status', '/etc/passwd'))).toBe('404 file_not_found')
    expect(said(await get('status', '/workspace/.nullspace'))).toBe('400 invalid_request')
  })
})

describe('between repositories', () => {
  test('clone into the empty working directory, commit, push, pull', async () => {
    await upstream('/srv/one.git')
    const url = 'file:///srv/one.git'
    expect(await done(post('clone', { url, path: '.' }))).toEqual({ path: '/workspace' })
    expect(await done(post('clone', { url, path: '/srv/deep/two', branch: 'main', depth: 1 }))).toEqual({ path: '/srv/deep/two' })
    expect(said(await post('clone', { url, path: '/workspace' }))).toBe('409 git_error')
    await machine.text('echo two >> /workspace/file')
    await done(post('commit', { path: '.', message: 'second', add_all: true }))
    expect(await done(get('status', '.'))).toMatchObject({ branch: 'main', ahead: 1, behind: 0, clean: true })
    expect((await done(post('push', { path: '.' }))).summary).toContain('main')
    expect((await done(post('pull', { path: '/srv/deep/two' }))).summary).toContain('Fast-forward')
    expect(await machine.text('cat /srv/deep/two/file')).toBe('one\ntwo')
    expect((await done(post('pull', { path: '/srv/deep/two' }))).summary).toContain('Already up to date')
    await done(post('checkout', { path: '.', ref: 'topic', create: true }))
    await done(post('push', { path: '.', set_upstream: true }))
    expect(await done(get('status', '.'))).toMatchObject({ branch: 'topic', ahead: 0, behind: 0 })
    expect(said(await post('push', { path: '.', remote: 'none' }))).toBe('409 git_error')
  })

  test('what cannot be cloned leaves nothing', async () => {
    expect(said(await post('clone', { url: 'file:///srv/none.git', path: '/srv/failed' }))).toBe('409 git_error')
    expect(await machine.text('ls -d /srv/failed || true')).toBe('')
    expect(said(await post('clone', { url: 'ext::sh -c "touch /srv/ran"', path: '/srv/failed' }))).toBe('400 invalid_request')
    await machine.text('git init -q /srv/ext && git -C /srv/ext remote add origin "ext::sh -c touch% /srv/ran"')
    expect(said(await post('pull', { path: '/srv/ext', branch: 'main' }))).toBe('409 git_error')
    expect(await machine.text('ls /srv/ran || true')).toBe('')
  })
})

/** Serves /srv over HTTP to who has the right header, of which it knows the hash, and holds the paths named `stuck`. */
const SERVER = `import hashlib, http.server, sys, time
class Server(http.server.SimpleHTTPRequestHandler):
    def do_GET(self):
        got = self.headers.get('authorization', '')
        if 'stuck' in self.path and got: time.sleep(300)
        if hashlib.sha256(got.encode()).hexdigest() != sys.argv[1]:
            self.send_response(401)
            self.send_header('www-authenticate', 'Basic realm="test"')
            self.send_header('content-length', '0')
            return self.end_headers()
        time.sleep(0.5)
        super().do_GET()
    def log_message(self, *_): pass
http.server.ThreadingHTTPServer(('127.0.0.1', 8000), lambda *a: Server(*a, directory='/srv')).serve_forever()`

/** Looks, until /tmp/enough is there, for a word (given backwards) in what root can see of all processes, and into the place. */
const WATCH = `import glob, json, os, sys, time
word, seen = sys.argv[1][::-1].encode(), {'found': [], 'place': [], 'git': False}
while not os.path.exists('/tmp/enough'):
    for path in glob.glob('/proc/[0-9]*/cmdline') + glob.glob('/proc/[0-9]*/environ'):
        try: text = open(path, 'rb').read()
        except OSError: continue
        seen['git'] = seen['git'] or b'git-remote-http' in text
        if word in text: seen['found'].append(path)
    seen['place'] += os.listdir('/run/nullspace-git') if os.path.exists('/run/nullspace-git') else []
    time.sleep(0.05)
json.dump(seen, open('/tmp/seen', 'w'))`

describe('credentials', () => {
  const password = `w${randomBytes(12).toString('hex')}`
  const auth = { kind: 'https', username: 'name-of-me', password }
  const url = 'http://127.0.0.1:8000/secret.git'
  const backwards = (word: string): string => [...word].toReversed().join('')
  const encoded = Buffer.from(`${auth.username}:${password}`).toString('base64')

  beforeAll(async () => {
    await upstream('/srv/secret.git')
    await machine.text('ln -s /srv/secret.git /srv/stuck.git')
    const hash = createHash('sha256').update(`Basic ${encoded}`).digest('hex')
    await machine.python(
      "import sys; open('/tmp/server.py', 'w').write(sys.argv[1]); open('/tmp/watch.py', 'w').write(sys.argv[2])",
      SERVER,
      WATCH,
    )
    await machine.background(`python3 /tmp/server.py ${hash}`)
    await until(
      () => machine.sh('nc -z 127.0.0.1 8000'),
      ({ exit_code }) => exit_code === 0,
    )
    // Whoever stores credentials is not told ours.
    await machine.text(
      'git config --global credential.helper store && git config --global credential.http://127.0.0.1:8000.helper "store --file /tmp/stored"',
    )
  })

  /** Files of the guest that hold the password. */
  const holders = async (): Promise<string> => {
    const places = '/tmp /root /workspace /srv /etc /var /home /dev/shm /run'
    return (await machine.sh(`grep -rlaF -e ${password} -e ${encoded} ${places} 2>/dev/null`, { timeout_secs: 60 })).stdout
  }

  test('are used, and seen nowhere: no process, no file, no log', async () => {
    await machine.background(`python3 /tmp/watch.py ${backwards(password)}`)
    await done(post('clone', { url, path: '/srv/cloned', auth }))
    expect((await done(post('pull', { path: '/srv/cloned', auth }))).summary).toContain('Already up to date')
    await machine.text('touch /tmp/enough')
    const seen = await until(
      async () => (await machine.sh('cat /tmp/seen')).stdout,
      (text) => text.endsWith('}'),
    )
    expect(JSON.parse(seen)).toEqual({ found: [], place: [], git: true })
    expect(await machine.text('cat /srv/cloned/file; ls /tmp/stored /root/.git-credentials 2>/dev/null || true')).toBe('one')
    expect(await holders()).toBe('')
    expect(await machine.text('cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -c nullspace-git || true')).toBe('0')
    expect(readFileSync(shared.logFile, 'utf8')).not.toContain(password)
  })

  test('are needed: neither without nor with wrong ones', async () => {
    for (const wrong of [undefined, { ...auth, password: `${password}x` }]) {
      const { status, body } = await post('clone', { url, path: '/srv/refused', auth: wrong })
      expect({ status, code: body.code }).toEqual({ status: 409, code: 'git_error' })
      expect(JSON.stringify(body)).not.toContain(password)
    }
    expect(await machine.text('ls -d /srv/refused || true')).toBe('')
    expect(said(await post('clone', { url: url.replace('//', `//name:${password}@`), path: '/srv/refused' }))).toBe('400 invalid_request')
  })

  test('go with the processes that have them, also when these are killed', async () => {
    const call = post('clone', { url: url.replace('secret', 'stuck'), path: '/srv/killed', auth })
    const mounts = async (): Promise<string> => machine.text('cat /proc/[0-9]*/mountinfo 2>/dev/null | grep -c nullspace-git || true')
    await until(mounts, (count) => count !== '0')
    expect(await machine.text('ls /run/nullspace-git')).toBe('')
    await machine.text('for p in $(grep -ls nullspace-git /proc/[0-9]*/mountinfo | cut -d/ -f3); do kill -KILL $p; done')
    expect(said(await call)).toBe('409 git_error')
    await until(mounts, (count) => count === '0')
    expect(await holders()).toBe('')
  })

  test('a key and its passphrase reach ssh, and nobody else', async () => {
    const passphrase = `p${randomBytes(12).toString('hex')}`
    await machine.text(
      `mkdir /tmp/keys && ssh-keygen -q -t ed25519 -N ${passphrase} -f /tmp/keys/key && cut -d' ' -f1,2 /tmp/keys/key.pub > /srv/public`,
    )
    const private_key = await machine.text('cat /tmp/keys/key && rm -r /tmp/keys')
    // In place of ssh: proves that it can open the key, says what it was given, and serves the repository itself.
    await machine.python(
      `import os, sys
open('/usr/local/bin/ssh', 'w').write(sys.argv[1])
os.chmod('/usr/local/bin/ssh', 0o755)`,
      `#!/bin/sh
for last; do :; done
key=$(echo "$*" | sed 's/.* -i \\([^ ]*\\) .*/\\1/')
setsid ssh-keygen -y -f "$key" < /dev/null | cut -d' ' -f1,2 | cmp - /srv/public || exit 255
stat -c '%a %U' "$key" > /srv/key-mode
printf '%s\\n' "$*" > /srv/ssh-arguments
exec sh -c "$last"
`,
    )
    const ssh = { kind: 'ssh', private_key, passphrase }
    await done(post('clone', { url: 'git@host.example:/srv/secret.git', path: '/srv/by-ssh', auth: ssh }))
    expect(await machine.text('cat /srv/by-ssh/file /srv/key-mode')).toBe('one\n600 root')
    expect(await machine.text('cat /srv/ssh-arguments')).toContain('StrictHostKeyChecking=accept-new')
    const wrong = await post('clone', {
      url: 'git@host.example:/srv/secret.git',
      path: '/srv/by-ssh2',
      auth: { ...ssh, passphrase: 'wrong-word' },
    })
    expect(said(wrong)).toBe('409 git_error')
    const line = private_key.split('\n')[1] ?? ''
    const found = await machine.sh(`grep -rlaF -e '${line}' -e ${passphrase} /tmp /root /workspace /srv /dev/shm /run 2>/dev/null`)
    expect(found.stdout).toBe('')
    expect(readFileSync(shared.logFile, 'utf8')).not.toContain(passphrase)
  })
})
