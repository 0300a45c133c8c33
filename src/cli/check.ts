/** `postern check`: says whether the configuration and its filters are right, without serving. */

import { Command } from 'commander';
export function checkCommand(): Command {
  return new Command('check');
}
