"""What each verb shows or does, a module a matter. A verb that the engine carries out needs none: `acting` takes it."""
