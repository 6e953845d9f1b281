// An internet of the test's own: a namespace with one address of a documentation network, an echo server and a resolver.
// No packet of a test has to leave this host for a guest to be online.

import { spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { run } from './host.ts'

export interface Internet {
  readonly netns: string
  /** The host's end of the link to it. */
  readonly link: string
  /** Where everything is: echo on TCP and UDP port 7, resolver on port 53, on HTTP port 8080 a megabyte and what arrived. */
  readonly address: string
  /** The host's own address on that link. */
  readonly hostAddress: string
}

export interface RunningInternet extends AsyncDisposable {
  readonly internet: Internet
}

/** Of TEST-NET-2, which is nobody's. */
const NETWORK = '198.51.100'
const SERVICES = join(import.meta.dirname, 'internet-services.ts')

export async function startInternet(): Promise<RunningInternet> {
  await using undo = new AsyncDisposableStack()
  const mark = randomBytes(2).toString('hex')
  const [netns, link] = [`nie${mark}`, `nie${mark}`]
  const base = await freeBase()
  const [hostAddress, address] = [`${NETWORK}.${base + 1}`, `${NETWORK}.${base + 2}`]
  await run('ip', ['netns', 'add', netns])
  undo.defer(async () => void (await run('ip', ['netns', 'del', netns])))
  await run('ip', ['link', 'add', link, 'type', 'veth', 'peer', 'name', 'i0', 'netns', netns])
  undo.defer(async () => void (await run('ip', ['link', 'del', link])))
  for (const args of [
    ['-n', netns, 'link', 'set', 'lo', 'up'],
    ['-n', netns, 'addr', 'add', `${address}/29`, 'dev', 'i0'],
    ['-n', netns, 'link', 'set', 'i0', 'up'],
    ['-n', netns, 'route', 'add', 'default', 'via', hostAddress],
    ['addr', 'add', `${hostAddress}/29`, 'dev', link],
    ['link', 'set', link, 'up'],
  ]) {
    await run('ip', args)
  }
  const child = spawn('ip', ['netns', 'exec', netns, process.execPath, '--disable-warning=ExperimentalWarning', SERVICES, address], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  undo.defer(async () => {
    const exited = once(child, 'exit')
    if (child.exitCode === null && child.kill('SIGKILL')) await exited
  })
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(() => Promise.reject(new Error('the services of the test’s internet did not start'))),
  ])) as [string]
  if (line !== 'ready') throw new Error(`the services of the test’s internet said ${line}`)
  const stack = undo.move()
  return { internet: { netns, link, address, hostAddress }, [Symbol.asyncDispose]: () => stack.disposeAsync() }
}

/** A /29 that no route of this host names: other tests stand in the same documentation network. */
async function freeBase(): Promise<number> {
  const { stdout } = await run('ip', ['-4', 'route', 'show', 'table', 'all'])
  const bases = Array.from({ length: 32 }, (_, index) => 248 - index * 8)
  const base = bases.find((one) => !stdout.includes(`${NETWORK}.${one}/29`))
  if (base === undefined) throw new Error(`every /29 of ${NETWORK}.0/24 is taken`)
  return base
}

/** How often something arrived, by protocol, for TCP also by the address that was asked for. */
export async function arrivals({ address }: Internet): Promise<Readonly<Record<string, number>>> {
  return (await (await fetch(`http://${address}:8080/`)).json()) as Record<string, number>
}
