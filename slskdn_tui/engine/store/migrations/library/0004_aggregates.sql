-- What other nodes say: one row a node, one a node and variant, one a node and wanted MBID. All of it is claims; what they weigh is engine/discovery.
CREATE TABLE MeshVoices (
  node_id TEXT PRIMARY KEY,
  network TEXT NOT NULL,
  direct INTEGER NOT NULL,
  heard_at REAL NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX MeshVoices_age ON MeshVoices (heard_at);
CREATE INDEX MeshVoices_network ON MeshVoices (network, heard_at);

CREATE TABLE FingerprintObservations (
  mb_recording_id TEXT NOT NULL,
  codec_profile TEXT NOT NULL,
  variant_id TEXT NOT NULL,
  node_id TEXT NOT NULL REFERENCES MeshVoices (node_id) ON DELETE CASCADE,
  codec TEXT NOT NULL,
  length INTEGER NOT NULL,
  duration_ms INTEGER,
  quality_score REAL,
  transcode_suspect INTEGER,
  dynamic_range REAL,
  encoder_signature TEXT NOT NULL,
  label_key TEXT NOT NULL,
  label_name TEXT NOT NULL,
  mb_release_id TEXT NOT NULL,
  PRIMARY KEY (mb_recording_id, codec_profile, variant_id, node_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX FingerprintObservations_node ON FingerprintObservations (node_id, variant_id);
CREATE INDEX FingerprintObservations_label ON FingerprintObservations (label_key, mb_release_id) WHERE label_key <> '';
CREATE INDEX FingerprintObservations_release ON FingerprintObservations (mb_release_id) WHERE mb_release_id <> '';

CREATE TABLE MbidWanted (
  mbid TEXT NOT NULL,
  node_id TEXT NOT NULL REFERENCES MeshVoices (node_id) ON DELETE CASCADE,
  wanted_at REAL NOT NULL,
  PRIMARY KEY (mbid, node_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX MbidWanted_node ON MbidWanted (node_id, wanted_at);

-- Weighed, and made again from the rows above as they change.
CREATE TABLE LabelPopularity (
  label_key TEXT NOT NULL,
  label_name TEXT NOT NULL,
  mb_release_id TEXT NOT NULL,
  peer_count INTEGER NOT NULL,
  stranger_count INTEGER NOT NULL,
  avg_quality_score REAL,
  codecs TEXT NOT NULL,
  PRIMARY KEY (label_key, mb_release_id)
) STRICT, WITHOUT ROWID;

CREATE TABLE MbidPopularity (
  mbid TEXT PRIMARY KEY,
  peer_count INTEGER NOT NULL,
  stranger_count INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX MbidPopularity_peers ON MbidPopularity (peer_count DESC);
