// Puts the parts of this machine's data plane together as the configuration says.

import { existsSync } from 'node:fs'
import { chmod, lstat, mkdir, mkdtemp, open, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fake } from '@nullspace/vmm/fake/driver.ts'
import { qemuDriver } from '@nullspace/vmm/qemu/driver.ts'
import type { Driver } from '@nullspace/vmm/driver.ts'
import type { Shape } from '../domain/machine.ts'
import type { Logger } from '../observe/logger.ts'
import type { Op } from '../observe/op.ts'
import { VERSION } from '../observe/version.ts'
import { examine, NO_IMAGE, templateCheck } from '../host/doctor.ts'
import type { Host } from '../host/host.ts'
import { LocalHost, type LocalHostDeps } from '../host/local-host.ts'
import type { Finding } from '../host/network/dns.ts'
import { createNetnsNetwork } from '../host/network/netns-network.ts'
import type { Network } from '../host/network/network.ts'
import { createNoNetwork } from '../host/network/none.ts'
import { SparingHost } from '../host/spares.ts'
import { SnapshotStore } from '../host/saved/store.ts'
import { openStoragePool } from '../host/storage/open-pool.ts'
import type { StoragePool } from '../host/storage/storage.ts'
import type { CheckResult } from '@nullspace/contract/host.ts'
import { type GuestImage, readImage } from '../host/templates/image.ts'
import { TemplateLibrary } from '../host/templates/library.ts'

export interface HostSettings {
  readonly dataDir: string
  readonly runRoot: string
  readonly instance: string
  readonly uidBase: number
  readonly gid: number
  readonly imageDir: string
  readonly driver: 'qemu' | 'fake'
  readonly accelerator: 'auto' | 'kvm' | 'tcg'
  readonly spareSlots: number
  readonly spareMachines: number
  readonly promisedShapes: readonly Shape[]
  readonly addressBlock?: string | undefined
  readonly dnsUpstreams?: readonly string[] | undefined
  readonly poolBytes: number | null
  readonly onCapture: NonNullable<LocalHostDeps['onCapture']>
  readonly log: Logger
}

export interface AssembledHost {
  readonly host: Host
  /** Needs nothing to be set up. */
  readonly checks: () => Promise<CheckResult[]>
  /** Makes the host ready to run machines; to be called once, before anything else. */
  setUp(op: Op): Promise<void>
}

/** uid of a golden guest while it is built; no slot has it. */
const GOLDEN_UID_OFFSET = 4094

export async function assembleHost(
  op: Op,
  settings: HostSettings,
  chosen: { driver?: Driver; network?: Network; pool?: (pool: StoragePool) => StoragePool } = {},
): Promise<AssembledHost> {
  const driver = chosen.driver ?? chooseDriver(settings)
  const { dataDir, runRoot, gid, uidBase, onCapture, log } = settings
  // Machines' users pass through these to their own directories and see nothing else in them.
  for (const dir of [dataDir, runRoot, join(runRoot, 'vm')]) await mkdir(dir, { recursive: true, mode: 0o711 })
  for (const dir of [dataDir, runRoot]) await ours(dir)
  const opened = await openStoragePool(op, { dataDir, loopSizeBytes: settings.poolBytes, allowLoop: settings.driver === 'qemu' })
  const pool = chosen.pool?.(opened) ?? opened
  for (const dir of ['machines', 'templates', 'templates/base']) await mkdir(join(pool.root, dir), { recursive: true, mode: 0o711 })
  // Nobody passes through these: what is needed of them to start a VM is opened by us, or has another name.
  for (const dir of ['snapshots', 'uploads']) {
    await mkdir(join(pool.root, dir), { recursive: true, mode: 0o700 })
    await chmod(join(pool.root, dir), 0o700)
  }
  const info = await driver.info()
  const { network, findings } = chosen.network ? { network: chosen.network, findings: async () => [] } : chooseNetwork(settings)
  const real = settings.driver === 'qemu'
  const library = new TemplateLibrary({
    driver,
    info,
    root: pool.root,
    runRoot,
    readImage: real ? () => readImage(settings.imageDir) : () => emptyImage(dataDir),
    uid: uidBase + GOLDEN_UID_OFFSET,
    gid,
    release: VERSION,
    promised: settings.promisedShapes,
    log,
  })
  const snapshots = new SnapshotStore({ pool, info, release: VERSION })
  const inner = new LocalHost({ driver, info, pool, network, library, snapshots, runRoot, gid, onCapture, log })
  const host = new SparingHost({ inner, perShape: settings.spareMachines, promised: settings.promisedShapes, log })
  return {
    host,
    checks: () =>
      examine({ driver: async () => info, network: findings, pool: async () => pool, template: templateCheck(library.facts()) }),
    async setUp(setUpOp) {
      await network.setUp(setUpOp)
      await library.load(setUpOp)
      await snapshots.takeBack()
    },
  }
}

/** Nobody else may have made it first, and machines' users must be able to pass through. */
async function ours(dir: string): Promise<void> {
  const info = await lstat(dir)
  if (!info.isDirectory() || info.uid !== process.getuid?.()) throw new Error(`${dir} belongs to another user; remove it or choose another`)
  if ((info.mode & 0o022) !== 0) throw new Error(`${dir} can be written by others; take that right away: chmod go-w ${dir}`)
  if ((info.mode & 0o011) !== 0o011) await chmod(dir, info.mode | 0o011)
}

/** For `doctor` where no daemon runs: looks at the host without making anything. */
export async function examineHost(settings: HostSettings): Promise<CheckResult[]> {
  const known = existsSync(join(settings.dataDir, 'pool'))
  const image = await readImage(settings.imageDir).catch(() => null)
  // What the driver remembers of the host goes to a place that is there, and before the first start that is none of ours.
  const scratch = known ? null : await mkdtemp(join(tmpdir(), 'nullspace-doctor-'))
  const checks = examine({
    driver: () => chooseDriver({ ...settings, dataDir: scratch ?? settings.dataDir }).info(),
    network: chooseNetwork(settings).findings,
    pool: known ? (op) => openStoragePool(op, { dataDir: settings.dataDir, loopSizeBytes: settings.poolBytes, allowLoop: false }) : null,
    template: image ? { level: 'ok', found: 'the guest image is there; the daemon is not running' } : NO_IMAGE,
  })
  return checks.finally(() => (scratch === null ? undefined : rm(scratch, { recursive: true, force: true })))
}

function chooseDriver({ driver, accelerator, dataDir }: HostSettings): Driver {
  return driver === 'fake' ? fake() : qemuDriver({ stateDir: dataDir, accelerator })
}

function chooseNetwork(settings: HostSettings): { network: Network; findings: (op: Op) => Promise<readonly Finding[]> } {
  if (settings.driver === 'fake' || process.getuid?.() !== 0) {
    const found: Finding = {
      ok: settings.driver === 'fake',
      what: 'network',
      why: 'machines have no network here',
      fix: settings.driver === 'fake' ? null : 'Start the daemon as root.',
    }
    return { network: createNoNetwork({ uidBase: settings.uidBase }), findings: async () => [found] }
  }
  const network = createNetnsNetwork({
    instance: settings.instance,
    uidBase: settings.uidBase,
    spare: settings.spareSlots,
    stateDir: settings.dataDir,
    addressBlock: settings.addressBlock,
    dnsUpstreams: settings.dnsUpstreams,
    log: settings.log,
  })
  return { network, findings: (op) => network.diagnose(op) }
}

const FAKE_DISK_BYTES = 4 * 1024 ** 3

async function emptyImage(dataDir: string): Promise<GuestImage> {
  const dir = join(dataDir, 'images/fake')
  await mkdir(dir, { recursive: true })
  const image = {
    kernel: join(dir, 'vmlinuz'),
    initramfs: join(dir, 'initramfs.gz'),
    rootfs: join(dir, 'rootfs.ext4'),
    hash: '0'.repeat(64),
  }
  for (const path of [image.kernel, image.initramfs, image.rootfs]) {
    const file = await open(path, 'a')
    if (path === image.rootfs) await file.truncate(FAKE_DISK_BYTES)
    await file.close()
  }
  return image
}
