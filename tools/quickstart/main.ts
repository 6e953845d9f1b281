// npm run quickstart: from a fresh clone to a running machine. Every step looks first whether it is done, so a second run
// takes seconds and a failed one continues where it stopped.
import { seconds } from '../lib/text.ts'
import { ensureGo, type Go } from '../setup/go.ts'
import { ensureGuestImage, type GuestImage } from '../setup/guest-image.ts'
import { ensureHostPackages } from '../setup/host-packages.ts'
import { ensurePythonVenv } from '../setup/python-venv.ts'
import { daemonEnv, startDaemon, type StartedDaemon } from './daemon.ts'
import { quickExamples, runExample } from './examples.ts'
import { checkHost } from './host-check.ts'
import { linkImage } from './image-link.ts'
import { parseOptions, usage, type QuickstartOptions } from './options.ts'
import { runSteps, StepFailed, timesTable, type Step } from './steps.ts'

interface World {
  go?: Go
  image?: GuestImage | undefined
  /** The daemon that runs now, if one does, was started on another image. */
  imageReplaced?: boolean
  daemon?: StartedDaemon
}

async function main(args: readonly string[]): Promise<number> {
  let options: QuickstartOptions
  try {
    options = parseOptions(args)
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    return 2
  }
  if (options.help) {
    process.stdout.write(usage)
    return 0
  }
  const write = (text: string) => void process.stdout.write(text)
  try {
    const world: World = {}
    const times = await runSteps([...setUpSteps(options, world), ...(options.daemon ? exampleSteps() : [])], { write })
    write(`\n${timesTable(times)}\n\n${whatNext(options, world)}`)
    return 0
  } catch (error) {
    if (!(error instanceof StepFailed)) throw error
    const done =
      error.times.length === 0
        ? ''
        : `; ${error.times.length} steps were done before in ${seconds(error.times.reduce((sum, { ms }) => sum + ms, 0))}`
    process.stderr.write(
      `\nquickstart stopped at "${error.step}"${done}.\n${error.message}\n\nMend that and run \`npm run quickstart\` again: it continues from here.\n`,
    )
    return 1
  }
}

function setUpSteps(options: QuickstartOptions, world: World): readonly Step[] {
  const host: readonly Step[] = [
    { name: 'host', run: () => checkHost(options.dataDir) },
    { name: 'host packages', run: ensureHostPackages },
    {
      name: 'Go for the guest agent',
      run: async (say) => {
        world.go = await ensureGo(say)
        return `Go ${world.go.version} in ${world.go.bin}`
      },
    },
    {
      name: 'guest image',
      run: async (say) => {
        world.image = await ensureGuestImage(world.go?.bin ?? '', say)
        if (!world.image) return 'skipped: images/build.sh is not in this tree'
        world.imageReplaced = linkImage(world.image.dir, daemonEnv(options))
        return `${world.image.built ? 'built' : 'is there'}: ${world.image.dir}`
      },
    },
  ]
  const daemon: Step = {
    name: 'daemon',
    run: async (say) => {
      world.daemon = await startDaemon(options, { anew: world.imageReplaced ?? false, say })
      return `${world.daemon.alreadyRunning ? 'runs already' : 'started'}${world.daemon.url ? ` at ${world.daemon.url}` : ''}`
    },
  }
  const python: Step = {
    name: 'Python SDK',
    run: async (say) => {
      const venv = await ensurePythonVenv('sdk', say)
      if (!venv) return 'skipped: python/ is not in this tree'
      return venv.fresh ? 'installed into .venv' : '.venv has it'
    },
  }
  return options.daemon ? [...host, daemon, python] : [...host, python]
}

function exampleSteps(): readonly Step[] {
  return quickExamples().map((example) => ({ name: example.file, run: (say) => runExample(example, say) }))
}

function whatNext(options: QuickstartOptions, world: World): string {
  if (!options.daemon) return 'Set up. Start the daemon with: npm run quickstart\n'
  const lines = [
    'What to try next',
    '  npx nullspace machine create              a machine of your own',
    '  npx nullspace machine list                what runs here',
    '  npx nullspace doctor                      what this host can do, and what it lacks',
    '  npx nullspace daemon stop                 stop the daemon; machines keep running until they are destroyed',
    '  source .venv/bin/activate && python       from nullspace import Machine',
    ...(world.daemon?.url ? [`  ${world.daemon.url.padEnd(41)} the API`] : []),
  ]
  return `${lines.join('\n')}\n`
}

process.exitCode = await main(process.argv.slice(2))
