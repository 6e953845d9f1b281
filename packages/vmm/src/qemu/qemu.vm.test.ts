// What only the real driver can show: isolation of its processes, life after the daemon's death, the network, a full disk.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs'
import { chmod, chown, mkdir, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { useFixture } from '../exam/fixture.ts'
import { refusal } from '../exam/refusal.ts'
import { until } from '../exam/until.ts'
import type { RestoreSpec, VmHandle } from '../driver.ts'
import { writeStateFile, type StateTraits } from '../state-file.ts'
import { qemuExaminee, testImages } from './examinee.ts'

const run = promisify(execFile)
const isRoot = process.getuid?.() === 0

describe.runIf(testImages)('qemu', { timeout: 60_000 }, () => {
  const here = useFixture(() => qemuExaminee(testImages ?? ''))
  const { path, op, spec, restore, meet } = here

  beforeAll(() => here.makeGolden(), 180_000)

  /** A daemon of its own that restores this VM. */
  const startDaemon = (wanted: RestoreSpec, then: string) => {
    const script = `
      import { existsSync } from 'node:fs'
      import { qemuDriver } from '${new URL('driver.ts', import.meta.url).pathname}'
      import { Op } from '${new URL('../op.ts', import.meta.url).pathname}'
      const driver = qemuDriver({ stateDir: '${here.examinee.root}', cgroup: 'nullspace-exam-${process.pid}' })
      const restored = driver.restore(new Op('restore', { timeoutMs: 30000 }), ${JSON.stringify(wanted)})
      ${then}`
    return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
  }
  const netnsWithTap = async (name: string, uid: number): Promise<void> => {
    await run('ip', ['netns', 'add', name])
    onTestFinished(async () => void (await run('ip', ['netns', 'delete', name])))
    await run('ip', ['-n', name, 'tuntap', 'add', 'dev', 'tap0', 'mode', 'tap', 'user', `${uid}`])
    await run('ip', ['-n', name, 'link', 'set', 'tap0', 'up'])
  }

  test('the process has no privileges, no way to get any, and nothing of ours open', async () => {
    const wanted = await spec()
    const vm = await here.driver.restore(op('restore'), wanted)
    const proc = (name: string): string => `/proc/${vm.handle.pid}/${name}`
    const status = Object.fromEntries(
      readFileSync(proc('status'), 'latin1')
        .split('\n')
        .map((line) => line.split(':\t') as [string, string]),
    )
    expect(status).toMatchObject({ NoNewPrivs: '1', Seccomp: '2', CapEff: '0000000000000000', CapPrm: '0000000000000000' })
    if (isRoot)
      expect([status['CapBnd'], status['Uid'], status['Groups']?.trim()]).toEqual([
        '0000000000000000',
        Array(4).fill(wanted.uid).join('\t'),
        '',
      ])
    expect(readFileSync(proc('stat'), 'latin1').split(') ')[1]?.split(' ')[3]).toBe(`${vm.handle.pid}`)
    expect(readFileSync(proc('environ'), 'latin1')).not.toContain('NULLSPACE')
    const open = readdirSync(proc('fd')).map((fd) => readlinkSync(proc(`fd/${fd}`)))
    expect(open.filter((target) => target.startsWith('pipe:'))).toEqual([])
    await vm.kill(op('test'))
  })

  test.runIf(isRoot)('another user reaches neither its sockets nor its disk', async () => {
    const wanted = await spec()
    const vm = await here.driver.restore(op('test'), wanted)
    expect(statSync(wanted.dir).mode & 0o777).toBe(0o700)
    const as = (uid: number, code: string): Promise<string> =>
      run('setpriv', [`--reuid=${uid}`, '--regid=71000', '--clear-groups', process.execPath, '-e', code]).then(({ stdout }) =>
        stdout.trim(),
      )
    const attempts = [
      `require('net').connect('${join(wanted.dir, 'q')}').on('error', (e) => console.log(e.code))`,
      `require('net').connect('${join(wanted.dir, 'a')}').on('error', (e) => console.log(e.code))`,
      `require('fs').open('${wanted.disk}', 'r', (e) => console.log(e.code))`,
    ]
    for (const attempt of attempts) expect(await as(wanted.uid + 1, attempt)).toBe('EACCES')
    await vm.kill(op('test'))
  })

  test('lives on when the daemon that started it is killed, and is found before anyone wrote it down', async () => {
    const wanted = await spec()
    const daemon = startDaemon(wanted, 'console.log(JSON.stringify((await restored).handle)); setInterval(() => {}, 1000)')
    let said = ''
    daemon.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()))
    await until(
      () => said,
      (text) => text.endsWith('\n'),
      { withinMs: 30_000, what: 'the handle' },
    )
    daemon.kill('SIGKILL')
    await once(daemon, 'exit')

    expect(await here.driver.list(here.examinee.root)).toEqual([wanted.id])
    const vm = await here.driver.adopt(op('test'), JSON.parse(said) as VmHandle)
    if (!vm) throw new Error('not adopted')
    expect((await meet(vm, { hostname: 'orphan', flush: true })).welcome.error).toBe('')
    await vm.kill(op('test'))
    expect((await vm.exited).reason).toContain('QEMU ended')
  })

  test('is found and swept when the daemon dies in the middle of starting it', async () => {
    const wanted = await spec()
    const daemon = startDaemon(
      wanted,
      `setInterval(() => existsSync('${join(wanted.dir, 'log')}') && process.kill(process.pid, 'SIGKILL'), 0)`,
    )
    await once(daemon, 'exit')
    await until(
      () => here.driver.list(here.examinee.root),
      (ids) => ids.includes(wanted.id),
      { what: 'the orphan' },
    )
    await here.driver.sweep(op('test'), wanted)
    expect(await here.driver.list(here.examinee.root)).toEqual([])
  })

  test.runIf(isRoot)('a guest restored into a network has its tap at the other end', async () => {
    const netns = `nsq${process.pid}`
    const wanted = await spec({ network: { netns, tap: 'tap0' } })
    await netnsWithTap(netns, wanted.uid)
    const vm = await here.driver.restore(op('restore'), wanted)
    const guest = await meet(vm, { hostname: 'networked' })
    expect((await guest.exec(['cat', '/sys/class/net/eth0/address'])).stdout.trim()).toBe('02:4e:53:00:00:01')
    const send =
      'import socket; s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW); s.bind(("eth0", 0)); s.send(bytes(12) + b"\\x88\\xb5" + bytes(46))'
    const received = async (): Promise<number> => {
      const links = JSON.parse((await run('ip', ['-n', netns, '-s', '-j', 'link', 'show', 'tap0'])).stdout) as {
        stats64: { rx: { packets: number } }
      }[]
      return links[0]?.stats64.rx.packets ?? 0
    }
    const before = await received()
    expect(await guest.exec(['python3', '-c', send])).toMatchObject({ exit: { exitCode: 0 } })
    await until(received, (packets) => packets > before, { what: 'a packet on the tap' })
    await vm.kill(op('kill'))
  })

  test.runIf(isRoot)('a missing namespace, or another’s tap, is an error with its reason and leaves nothing', async () => {
    const netns = `nsq${process.pid}`
    await netnsWithTap(netns, 60_000)
    await expect(restore({ network: { netns: 'nsq-nowhere', tap: 'tap0' } })).rejects.toThrow(/nsq-nowhere/)
    await expect(restore({ network: { netns, tap: 'tap0' } })).rejects.toThrow(/tap0/)
  })

  test('a guest that panics ends its VM, and the console says why', async () => {
    const empty = path('empty')
    await writeFile(empty, '')
    const vm = await here.driver.boot(op('boot'), await here.bootSpec({ initramfs: empty }))
    const { reason } = await vm.exited
    expect(reason).toContain('Kernel panic')
    await vm.kill(op('test'))
  })

  test.runIf(isRoot)('a full host disk stops the VM, and loses nothing', async () => {
    const small = path('small')
    await mkdir(small, { mode: 0o711 })
    await run('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=711', 'tmpfs', small])
    onTestFinished(async () => void (await run('umount', [small])))
    const disk = join(small, 'disk.qcow2')
    await here.examinee.makeDisk(disk, here.golden.disk)
    const vm = await restore({ disk })
    const guest = await meet(vm, { hostname: 'full' })
    const written = guest.exec([
      'sh',
      '-c',
      'head -c 16000000 /dev/urandom > /root/big && sync && sha256sum /root/big /root/big | uniq | wc -l',
    ])
    await until(
      () => vm.held,
      (held) => held === 'disk_full',
      { withinMs: 30_000, what: 'held' },
    )
    expect(await refusal(here.capture(vm))).toBe('no_space')
    await run('mount', ['-o', 'remount,size=64m', small])
    await vm.resume(op('test'))
    expect(await written).toMatchObject({ exit: { exitCode: 0 }, stdout: '1\n' })
    expect(vm.held).toBeNull()
    await vm.kill(op('test'))
  })

  test.runIf(isRoot)('a disk that could not be written in full is not copied', async () => {
    const [image, small] = [path('small.xfs'), path('reflinks')]
    await mkdir(small)
    await writeFile(image, '')
    await truncate(image, 320 * 1024 ** 2)
    await run('mkfs.xfs', ['-q', '-m', 'reflink=1', image])
    await run('mount', ['-o', 'loop', image, small])
    onTestFinished(async () => void (await run('umount', [small])))
    await chmod(small, 0o711)
    const disk = join(small, 'disk.qcow2')
    await here.examinee.makeDisk(disk, here.golden.disk)
    const vm = await restore({ disk })
    const guest = await meet(vm, { hostname: 'unwritten' })
    // Somewhere far from all that the guest has written, in clusters of the disk that stand in the same table.
    const write = (at: number) => guest.exec(['dd', 'if=/dev/urandom', 'of=/dev/vda', 'bs=65536', 'count=1', `seek=${at}`, 'oflag=direct'])
    await write(57_000)
    await guest.exec(['sync'])
    // From now on, what QEMU writes over needs space of its own.
    await run('cp', ['--reflink=always', disk, join(small, 'clone.qcow2')])
    const fill = `dd if=/dev/zero of=fill bs=64k; dd if=/dev/zero of=rest bs=4k; sync; truncate -s -64K fill; sync`
    await run('sh', ['-c', fill], { cwd: small })
    expect((await write(57_010)).exit?.exitCode).toBe(0)

    expect(await refusal(here.capture(vm))).toBe('no_space')
    expect(vm.held).toBeNull()
    await guest.ping()
    await rm(join(small, 'fill'))
    await here.capture(vm)
    await vm.kill(op('kill'))
    await here.removeCaptures()
  })

  test.runIf(isRoot)('a full host where the capture goes ends the capture, not the machine', async () => {
    const vm = await restore()
    const guest = await meet(vm, { hostname: 'unharmed' })
    const small = path('tiny')
    await mkdir(small)
    await run('mount', ['-t', 'tmpfs', '-o', 'size=256k', 'tmpfs', small])
    onTestFinished(async () => void (await run('umount', [small])))
    const memoryFile = join(small, 'memory')
    await writeFile(memoryFile, '')
    await truncate(memoryFile, here.examinee.memoryMb * 1024 ** 2)
    const files = { memoryFile, stateFile: join(small, 'state'), sumsFile: join(small, 'sums') }
    const capture = vm.capture(op('capture'), { ...files, whileStopped: () => Promise.resolve(), afterwards: 'run' })
    expect(await refusal(capture)).toBe('no_space')
    await guest.ping()
    await vm.kill(op('kill'))
  })

  test.runIf(isRoot)('a machine that is killed while it is captured is gone, and nobody waits for it', async () => {
    const vm = await restore()
    let killed = Promise.resolve()
    const whileStopped = (): Promise<void> => {
      killed = vm.kill(op('kill'))
      return new Promise(() => {})
    }
    expect(await refusal(here.capture(vm, { whileStopped }))).toBe('vm_gone')
    await killed
    await here.removeCaptures()
  })

  test.runIf(isRoot)('nothing of a user’s snapshot can be opened by others, nor by the machine that runs on it', async () => {
    const vm = await restore()
    await meet(vm, { hostname: 'private' })
    const snapshot = await here.capture(vm)
    await vm.kill(op('kill'))
    const { memoryFile, stateFile, sumsFile, disk } = snapshot
    // As if a daemon had died while it was lent to another.
    await chown(memoryFile, 70_999, 71_000)
    const wanted = await spec({}, snapshot)
    const fork = await here.driver.restore(op('restore'), wanted)
    expect((await meet(fork, { hostname: 'fork' })).welcome.error).toBe('')
    for (const file of [memoryFile, stateFile, sumsFile, disk]) {
      const { uid, mode } = statSync(file)
      expect([file, uid, mode & 0o077]).toEqual([file, 0, 0])
      const reading = run('setpriv', [`--reuid=${wanted.uid}`, `--regid=${wanted.gid}`, '--clear-groups', 'cat', file])
      await expect(reading).rejects.toThrow('Permission denied')
    }
    await fork.kill(op('kill'))
    await here.removeCaptures()
  })

  test('what a disk’s own header says of what lies below it does not count', async () => {
    const disk = path('misled.qcow2')
    const { stdout } = await run('qemu-img', ['info', '--output=json', here.golden.disk])
    const { 'virtual-size': size } = JSON.parse(stdout) as { 'virtual-size': number }
    await run('qemu-img', ['create', '-q', '-f', 'qcow2', '-u', '-F', 'raw', '-b', '/nowhere', disk, `${size}`])
    const vm = await restore({ disk })
    const guest = await meet(vm, { hostname: 'misled' })
    expect((await guest.exec(['sh', '-c', 'echo 3 > /proc/sys/vm/drop_caches; cat /etc/hostname'])).stdout).toBe('misled\n')
    await vm.kill(op('kill'))
  })

  test('bad device state that is whole is refused by QEMU, and leaves nothing', async () => {
    const text = readFileSync(here.golden.stateFile, 'latin1')
    const { driver, compatibility, vcpus, memoryMb } = JSON.parse(text.slice(0, text.indexOf('\n'))) as StateTraits
    const [stream, stateFile] = [path('stream'), path('bad-state')]
    await writeFile(stream, Buffer.from(text.slice(4096, 12_000), 'latin1'))
    await writeStateFile(stateFile, stream, { driver, compatibility, vcpus, memoryMb })
    await expect(restore({ stateFile })).rejects.toMatchObject({ code: 'bad_snapshot' })
    expect(await here.driver.list(here.examinee.root)).toEqual([])
  })
})
