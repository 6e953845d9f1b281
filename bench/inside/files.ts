// Files into a machine and out of it: many small ones and a large one, beside podman.

import { randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Body } from '../lib/api.ts'
import { podman } from '../lib/container.ts'
import { vmProcess } from '../lib/footprint.ts'
import { GLOBAL } from '../lib/podman.ts'
import { spending } from '../lib/process-use.ts'
import { program } from '../lib/program.ts'
import type { Figure, Findings, Row } from '../lib/report.ts'
import { type Contender, interleave } from '../lib/rounds.ts'
import { ratio, throughput } from '../lib/stats.ts'
import { rest } from '../lib/timing.ts'
import { usedMachine } from '../lib/used-machine.ts'
import { type Context, recorded } from './context.ts'

export interface FileOptions {
  readonly rounds: number
  /** Of 1 KiB each. */
  readonly small: number
}

const SMALL_BYTES = 1024
const LARGE_BYTES = 100_000_000
/** In each turn: podman starts a process of its own for each file. */
const PODMAN_FILES = 10
/** In the machine, and in the container. */
const DIR = '/var/bench'
const ALONE_SECS = 300
const PODMAN_MS = 10 * 60_000

export async function measureFiles(context: Context, { rounds, small }: FileOptions): Promise<Findings> {
  const { daemon, container, record, signal, say } = context
  const id = await usedMachine(context.daemon)
  try {
    await daemon.api.exec(id, { command: 'mkdir', args: ['-p', `${DIR}/small`, `${DIR}/many`] })
    await podman('exec', container.name, 'mkdir', '-p', `${DIR}/small`)
    const here = await sources(context.dir, small)
    const vm = vmProcess(daemon.runRoot, id)
    /** Also notes who had the processor meanwhile. */
    const watched: Watched = (name, work) =>
      recorded(record, name, async () => {
        const { cpuMs } = await spending({ daemon: daemon.process, vm }, work)
        for (const [of, ms] of Object.entries(cpuMs)) record.add(`${name}: processor of the ${of}`, ms)
      })
    const contenders = [...smallContenders(context, id, here, watched), ...largeContenders(context, id, here, watched)]
    // What reads finds what was written: each writes before the one that reads it.
    await interleave(contenders, { rounds: 1, signal })
    record.clear()
    await interleave(contenders, { rounds, signal, say })
  } finally {
    await daemon.api.destroyMachine(id)
    await rest(3)
  }
  return findings(context, small)
}

type Watched = (name: string, work: () => Promise<unknown>) => Contender

interface Sources {
  readonly small: readonly { readonly name: string; readonly bytes: Buffer }[]
  readonly form: Body
  /** With the small ones. */
  readonly smallDir: string
  readonly large: Buffer
  readonly largeFile: string
  /** Where podman writes what it reads. */
  readonly back: string
}

async function sources(dir: string, count: number): Promise<Sources> {
  const smallDir = join(dir, 'small')
  const largeFile = join(dir, 'large')
  const back = join(dir, 'back')
  await mkdir(smallDir)
  await mkdir(back)
  const small = Array.from({ length: count }, (_, i) => ({ name: `f${i}`, bytes: randomBytes(SMALL_BYTES) }))
  for (const { name, bytes } of small) await writeFile(join(smallDir, name), bytes)
  const large = randomBytes(LARGE_BYTES)
  await writeFile(largeFile, large)
  return { small, form: await formOf(small), smallDir, large, largeFile, back }
}

async function formOf(files: Sources['small']): Promise<Body> {
  const form = new FormData()
  form.set('manifest', JSON.stringify({ files: files.map(({ name }) => ({ path: `${DIR}/many/${name}`, field: name })) }))
  for (const { name, bytes } of files) form.set(name, new Blob([new Uint8Array(bytes)]), name)
  const encoded = new Response(form)
  return { type: encoded.headers.get('content-type') ?? '', bytes: Buffer.from(await encoded.arrayBuffer()) }
}

function smallContenders(
  { daemon: { api }, container: { name: box }, record }: Context,
  id: string,
  here: Sources,
  watched: Watched,
): Contender[] {
  const each = async (name: string, count: number, one: (file: Sources['small'][number]) => Promise<unknown>): Promise<void> => {
    for (const file of here.small.slice(0, count)) await record.time(name, () => one(file))
  }
  const all = here.small.length
  return [
    watched('small, PUT all', () => each('small, PUT', all, ({ name, bytes }) => api.upload(id, `${DIR}/small/${name}`, bytes))),
    watched('small, GET all', () =>
      each('small, GET', all, async ({ name, bytes }) => mustEqual(await api.download(id, `${DIR}/small/${name}`), bytes)),
    ),
    watched('small, batch', () => api.writeMany(id, here.form)),
    watched('small, tar', async () => {
      const { length } = await api.downloadTar(id, `${DIR}/small`)
      if (length < all * SMALL_BYTES) throw new Error(`a tar of ${length} bytes`)
    }),
    {
      name: 'small, podman exec',
      every: 1,
      async once() {
        const startedAt = performance.now()
        await each('small, podman exec in', PODMAN_FILES, ({ name }) =>
          shell(`${podmanExec(box, '-i')} sh -c 'cat >${DIR}/small/${name}' <${join(here.smallDir, name)}`),
        )
        await each('small, podman exec out', PODMAN_FILES, ({ name }) =>
          shell(`${podmanExec(box)} cat ${DIR}/small/${name} >${join(here.back, name)}`),
        )
        return performance.now() - startedAt
      },
    },
    recorded(record, 'small, podman cp in', () => podman('cp', `${here.smallDir}/.`, `${box}:${DIR}/small`)),
    recorded(record, 'small, podman cp out', () => podman('cp', `${box}:${DIR}/small/.`, here.back)),
  ]
}

function largeContenders(
  { daemon: { api }, container: { name: box }, record }: Context,
  id: string,
  here: Sources,
  watched: Watched,
): Contender[] {
  const path = `${DIR}/large`
  const back = join(here.back, 'large')
  const alone = (name: string, command: string): Contender =>
    watched(name, () => api.exec(id, { command, shell: true, timeout_secs: ALONE_SECS }))
  let got: Buffer = Buffer.alloc(0)
  const get = watched('large, GET', async () => void (got = await api.download(id, path)))
  return [
    watched('large, PUT', () => api.upload(id, path, here.large)),
    {
      ...get,
      async once() {
        const ms = await get.once()
        // Outside its time.
        mustEqual(got, here.large)
        return ms
      },
    },
    alone('large, guest alone in', `head -c ${LARGE_BYTES} /dev/zero >${DIR}/alone`),
    alone('large, guest alone out', `cat ${path} >/dev/null`),
    recorded(record, 'large, podman cp in', () => podman('cp', here.largeFile, `${box}:${path}`)),
    recorded(record, 'large, podman cp out', () => podman('cp', `${box}:${path}`, back)),
    recorded(record, 'large, podman exec in', () => shell(`${podmanExec(box, '-i')} sh -c 'cat >${path}' <${here.largeFile}`)),
    recorded(record, 'large, podman exec out', () => shell(`${podmanExec(box)} cat ${path} >${back}`)),
  ]
}

const podmanExec = (box: string, ...options: string[]): string => ['podman', ...GLOBAL, 'exec', ...options, box].join(' ')

async function shell(line: string): Promise<void> {
  const { ok, why } = await program('sh', ['-c', line], PODMAN_MS)
  if (!ok) throw new Error(why)
}

function mustEqual(got: Buffer, wanted: Buffer): void {
  if (!got.equals(wanted)) throw new Error(`${got.length} bytes came back that are not the ${wanted.length} that were sent`)
}

function findings({ record }: Context, small: number): Findings {
  const row = (what: string, name: string): Row => ({ what: `c. ${what}`, summary: record.summary(name) })
  const rate = (what: string, name: string, bytes: number): Figure => ({
    what: `c. ${what}`,
    value: throughput(bytes, record.p50(name)),
    unit: 'MB/s',
  })
  /** Of the time of the whole. */
  const shares = (what: string, name: string): Figure[] =>
    [
      { of: 'vm', said: 'the VM’s processor time against the whole' },
      { of: 'daemon', said: 'the daemon’s' },
    ].map(({ of, said }) => {
      const value = ratio(record.mean(`${name}: processor of the ${of}`) ?? undefined, record.mean(name) ?? undefined)
      return { what: `c. ${what}: ${said}`, value: value === null ? null : value * 100, unit: '%' }
    })
  const many = `${small} × 1 KB`
  const ways = [
    { what: `${many}, PUT one after another`, name: 'small, PUT all', bytes: small * SMALL_BYTES },
    { what: `${many}, batch-write in one request`, name: 'small, batch', bytes: small * SMALL_BYTES },
    { what: `${many}, \`podman cp\` of their directory into a container`, name: 'small, podman cp in', bytes: small * SMALL_BYTES },
    { what: `${many}, GET one after another`, name: 'small, GET all', bytes: small * SMALL_BYTES },
    { what: `${many}, GET of their directory as tar`, name: 'small, tar', bytes: small * SMALL_BYTES },
    { what: `${many}, \`podman cp\` of their directory out of a container`, name: 'small, podman cp out', bytes: small * SMALL_BYTES },
    { what: '100 MB, PUT', name: 'large, PUT', bytes: LARGE_BYTES },
    { what: '100 MB, written by a process in the guest, from nowhere', name: 'large, guest alone in', bytes: LARGE_BYTES },
    { what: '100 MB, `podman cp` in', name: 'large, podman cp in', bytes: LARGE_BYTES },
    { what: '100 MB, `podman exec -i … sh -c "cat >file"`', name: 'large, podman exec in', bytes: LARGE_BYTES },
    { what: '100 MB, GET', name: 'large, GET', bytes: LARGE_BYTES },
    { what: '100 MB, read by a process in the guest, to nowhere', name: 'large, guest alone out', bytes: LARGE_BYTES },
    { what: '100 MB, `podman cp` out', name: 'large, podman cp out', bytes: LARGE_BYTES },
    { what: '100 MB, `podman exec … cat file`', name: 'large, podman exec out', bytes: LARGE_BYTES },
  ]
  return {
    rows: [
      row('1 KB, PUT: each', 'small, PUT'),
      row('1 KB, `podman exec -i … sh -c "cat >file"`: each', 'small, podman exec in'),
      row('1 KB, GET: each', 'small, GET'),
      row('1 KB, `podman exec … cat file`: each', 'small, podman exec out'),
      ...ways.map(({ what, name }) => row(what, name)),
    ],
    bars: [],
    figures: [
      ...ways.map(({ what, name, bytes }) => rate(what, name, bytes)),
      rate('1 KB, `podman exec -i … sh -c "cat >file"`: each', 'small, podman exec in', SMALL_BYTES),
      rate('1 KB, `podman exec … cat file`: each', 'small, podman exec out', SMALL_BYTES),
      ...ways.filter(({ name }) => !name.includes('podman')).flatMap(({ what, name }) => shares(what, name)),
    ],
    notes: [
      `c: one connection, kept; all contents are random, and what is read back is compared. Throughput is of the median. podman, which starts a process for each, moves ${PODMAN_FILES} single files in a turn, and reads from and writes to files on the host; a client of the API has its bytes in memory. The container writes to a directory of the host, the machine to a virtual disk of its own.`,
      'c: processor time includes all threads, so two may add up to more than 100 %. The VM’s is QEMU with what the guest does in it: near 100 %, one virtual processor under emulation is the limit; on a host where others run, it is less for want of a core. What a process in the guest takes for the same, with nobody outside, is beside it.',
    ],
  }
}
