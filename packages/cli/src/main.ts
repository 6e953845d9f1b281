import { run } from './core/app.ts'
import { terminal } from './core/terminal.ts'

process.exitCode = await run(process.argv.slice(2), terminal())
