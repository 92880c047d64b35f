import type { SandboxClient } from '../../../lib/sandbox/client.ts';
import type { Context } from '../../context.ts';

/** A client of the sandbox's admin interface; starts the sandbox if necessary. */
export async function openSandbox(context: Context): Promise<SandboxClient> {
  const [{ ensureSandbox }, { SandboxClient }] = await Promise.all([
    import('../../../lib/sandbox/daemon.ts'),
    import('../../../lib/sandbox/client.ts'),
  ]);
  return new SandboxClient(await ensureSandbox({ dataDir: (await context.config()).dataDir }));
}
