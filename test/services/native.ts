import { nativeInstalled } from '../../models/native.ts';
import { missingRequirement, type Requirement } from './require.ts';

/** Whether native TensorFlow is installed; missing: as `requireService`. */
export function requireNative(): Requirement {
  if (nativeInstalled()) return { available: true, reason: '' };
  return missingRequirement('native TensorFlow: not installed; npm run native:setup installs it');
}
