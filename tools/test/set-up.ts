// The host set-up that suites need: the same as quickstart's. What fails here fails the suites that need it, not the others.
import { runSteps, type Step } from '../quickstart/steps.ts'
import { ensureGo, type Go } from '../setup/go.ts'
import { ensureGuestImage } from '../setup/guest-image.ts'
import { ensureHostPackages } from '../setup/host-packages.ts'
import { ensurePythonVenv } from '../setup/python-venv.ts'
import type { Need } from './suite.ts'

export interface SetUp {
  /** undefined when this tree has no recipe for one. */
  readonly imageDir: string | undefined
  readonly broken: ReadonlyMap<Need, string>
}

const order: readonly Need[] = ['packages', 'go', 'image', 'python']

export async function setUp(needs: ReadonlySet<Need>, write: (text: string) => void): Promise<SetUp> {
  const broken = new Map<Need, string>()
  let go: Go | undefined
  let imageDir: string | undefined
  const work: Record<Need, Step> = {
    packages: { name: 'host packages', run: ensureHostPackages },
    go: {
      name: 'Go for the guest agent',
      run: async (say) => {
        go = await ensureGo(say)
        return `Go ${go.version}`
      },
    },
    image: {
      name: 'guest image',
      run: async (say) => {
        if (broken.has('packages') || !go) throw new Error('not tried: a step before it failed')
        const image = await ensureGuestImage(go.bin, say)
        imageDir = image?.dir
        return image ? `${image.built ? 'built' : 'is there'}: ${image.dir}` : 'images/build.sh is not in this tree'
      },
    },
    python: {
      name: 'Python',
      run: async (say) => ((await ensurePythonVenv('dev', say)) ? '.venv is ready' : 'python/ is not in this tree'),
    },
  }
  const wanted = order.filter((need) => needs.has(need))
  const steps = wanted.map((need): Step => {
    const { name, run } = work[need]
    return {
      name,
      run: async (say) => {
        try {
          return await run(say)
        } catch (error) {
          const reason = error instanceof Error ? error.message : String(error)
          broken.set(need, reason)
          return `FAILED: ${reason}`
        }
      },
    }
  })
  await runSteps(steps, { write })
  return { imageDir, broken }
}
