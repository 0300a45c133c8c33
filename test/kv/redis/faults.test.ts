import { startRedis } from '../../harness/redis.ts';
import { describeWith } from '../../harness/requirements.ts';
import { describeFaults } from '../faults.ts';

describeWith(['redis-server'], 'a Redis that is not as it should be', () => {
  describeFaults('redis', async () => {
    const server = await startRedis();
    return {
      port: server.port,
      kill: server.kill,
      restart: server.restart,
      pause: () => void process.kill(server.pid, 'SIGSTOP'),
      resume: () => void process.kill(server.pid, 'SIGCONT'),
      stop: server.stop,
    };
  });
});
