"""The settings, as pydantic models: a field's docstring is its comment in the generated file and its line in docs/config.md. Core."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic_core import core_schema


class Secret(str):
    """Text that never shows itself: `repr`, logs and dumps print stars. `reveal()` is the only way out."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "Secret('***')" if str.__len__(self) else "Secret('')"

    def __str__(self) -> str:
        return "***" if str.__len__(self) else ""

    def __format__(self, spec: str) -> str:
        return format(str(self), spec)

    def reveal(self) -> str:
        return str.__str__(self)

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> core_schema.CoreSchema:
        return core_schema.no_info_after_validator_function(
            cls, core_schema.str_schema(), serialization=core_schema.plain_serializer_function_ser_schema(str)
        )


class Section(BaseModel):
    model_config = ConfigDict(
        extra="forbid", strict=True, allow_inf_nan=False, frozen=True, use_attribute_docstrings=True, defer_build=True
    )


class Soulseek(Section):
    """The Soulseek network: your account, how others reach you, what you share."""

    enabled: bool = True
    """false: stay off the Soulseek network (nothing can start without it)"""
    server: str = "server.slsknet.org:2416"
    """HOST:PORT of the Soulseek server"""
    username: str = ""
    """your account; at most 30 printable ASCII characters, no spaces around it"""
    password: Secret = Secret("")
    """your password (this file is kept 0600), or leave it empty and set password_cmd"""
    password_cmd: str = ""
    """a command that prints the password, e.g. `pass show soulseek`"""
    listen_address: str = "0.0.0.0"
    """address to listen on and to connect from; a VPN's address keeps all traffic on it"""
    listen_port: int = Field(default=2234, ge=1, le=65535)
    """port that other users connect to; must be reachable for good results"""
    upload_slots: int = Field(default=2, ge=1, le=50)
    """how many files are sent at once"""
    share: list[str] = []
    """folders to share; users ban those who share nothing"""
    search_gap_s: float = Field(default=3.0, ge=0)
    """least seconds between two searches; at least 3, as the server may ban for 30 minutes (a server on this machine may be given less)"""
    search_window: int = Field(default=30, ge=1)
    """at most so many searches in 220 s"""
    search_results: int = Field(default=500, ge=1, le=5000)
    """answers of so many users are kept of one search; later ones are not read"""
    port_file: str = ""
    """a file that holds the listen port, as VPN containers write it; a change is followed without a restart"""
    upnp: bool = False
    """ask the router by UPnP to forward the listen port"""
    nat_pmp: bool = False
    """ask the router by NAT-PMP to forward the listen port"""
    share_exclude: list[str] = []
    """file and folder names never shared, with * and ?, e.g. `*.nfo`; hidden and unfinished files never are"""
    reconnect_s: float = Field(default=5.0, ge=0.1)
    """first wait before reconnecting; doubles to 5 minutes, up to three times this at random"""


class Uploads(Section):
    """Who is served first, and how fast. A user is in one group: friends, leechers or default."""

    friends_slots: int = Field(default=2, ge=0, le=50)
    """slots kept for friends, beside soulseek.upload_slots"""
    friends_kbps: int = Field(default=0, ge=0)
    """cap of all uploads to friends in kilobits a second; 0 for none"""
    default_kbps: int = Field(default=0, ge=0)
    """cap of all uploads to users who are neither friends nor leechers"""
    leecher_files: int = Field(default=1, ge=0)
    """who shares fewer files than this is a leecher; 0: nobody is"""
    leechers_slots: int = Field(default=1, ge=0, le=50)
    """of soulseek.upload_slots, leechers together get at most so many; 0: they are not served"""
    leechers_kbps: int = Field(default=0, ge=0)
    """cap of all uploads to leechers"""
    queue_files: int = Field(default=500, ge=1, le=10000)
    """a user may queue so many files"""
    queue_mib: int = Field(default=0, ge=0)
    """a user may queue so many MiB; 0 for no limit"""


class Downloads(Section):
    """Where finished files go, and how fast."""

    folder: str = "~/Music/slskdn"
    """where finished files are placed; partial files live in the profile's `incomplete` folder"""
    template: str = "{artist}/{album}{year}/{disc}{track:02} {title}{ext}"
    """path below the folder: {artist} {album} {year} (" (1999)" or empty) {disc} ("CD 2/" or empty) {track} {title} {ext}"""
    collision: Literal["skip", "rename", "overwrite"] = "rename"
    """what to do when the file exists already with other content"""
    skip_owned: Literal["off", "edition", "recording"] = "edition"
    """tracks a job leaves out because the library has them, in a codec that is wanted and with nothing known against them: none; those of the very
    release; the same recording on any release"""
    bandwidth_kbps: int = Field(default=0, ge=0)
    """cap of all downloads in kilobits a second; 0 for none"""
    upload_kbps: int = Field(default=0, ge=0)
    """cap of all uploads in kilobits a second; 0 for none"""
    free_space_mib: int = Field(default=512, ge=0)
    """downloads pause when less than this is free"""
    parallel: int = Field(default=4, ge=1, le=50)
    """how many tracks move at once; those that wait in somebody's queue do not count"""
    per_user: int = Field(default=2, ge=1, le=50)
    """how many tracks move from one user at once"""
    queued: int = Field(default=200, ge=1, le=5000)
    """how many tracks wait in other users' queues at once"""
    destinations: dict[str, str] = {}
    """other folders by name, for `--destination NAME`, e.g. `vinyl: /data/vinyl`"""
    extras: list[str] = ["jpg", "jpeg", "png"]
    """files of an album's folder that are fetched with it, by their endings; one that fails never fails the album"""
    extras_template: str = "{artist}/{album}{year}/{disc}{name}{ext}"
    """path of such files below the folder: {name} is the file's own name, the rest as in template"""
    files_template: str = "{user}/{folder}/{name}{ext}"
    """path of files got without a release: {user} {folder} {name} {ext}"""
    schedule: list[str] = []
    """limits by time of day, first fit wins: `DAYS HH:MM-HH:MM DOWN/UP` in kilobits a second, e.g. `mon-fri 08:00-18:00 2000/500`, `all 00:00-24:00 0/0`"""


class Library(Section):
    """Your music folders."""

    folders: list[str] = []
    """folders the library scanner looks at, beside the download folders"""
    schedule: str = ""
    """when to scan, e.g. `daily 04:00` or `sat,sun 03:30`; empty for by hand"""
    watch_minutes: int = Field(default=15, ge=0, le=1440)
    """how often folders that were scanned are looked at for changes, by their modification times; 0 for never"""
    workers: int = Field(default=0, ge=0, le=64)
    """processes that decode files at low priority; 0 for one fewer than there are processors"""
    identify: bool = True
    """after a scan, ask MusicBrainz which recordings the files are, by the ids or the artist and album in their tags; AcoustID only with a key"""


class MusicBrainz(Section):
    """Where releases and tracks are looked up."""

    url: str = "https://musicbrainz.org"
    """the web service; a mirror of your own has no rate limit"""
    contact: str = ""
    """mail address or URL sent in the User-Agent, as MusicBrainz asks"""
    rate_s: float = Field(default=1.0, ge=0)
    """least seconds between requests; keep 1.0 for musicbrainz.org"""
    canonical: Literal["ours", "metabrainz", "owned-first"] = "ours"
    """which edition of a release group stands for it: by status, track count, script, format, country and date; in MetaBrainz' own order; or the one most of your files are of"""


class AcoustID(Section):
    """Recognising recordings by sound."""

    url: str = "https://api.acoustid.org"
    """the web service, over https"""
    key: Secret = Secret("")
    """your application key; nothing is asked while it is empty"""


class Discogs(Section):
    """The numbers of releases at Discogs that MusicBrainz does not link to; needs `pip install 'slskdn-tui[discogs]'`."""

    url: str = "https://api.discogs.com"
    """the web service, over https"""
    token: Secret = Secret("")
    """your token from https://www.discogs.com/settings/developers (this file is kept 0600), or leave it empty and set token_cmd; nothing is asked without"""
    token_cmd: str = ""
    """command that prints the token on its first line, e.g. `pass show discogs`"""


class Overlay(Section):
    """The mesh of slskdn nodes: verified pieces of files, over TLS."""

    enabled: bool = True
    """take part in the mesh: verified chunks from and to other slskdn nodes"""
    listen: str = "0.0.0.0:50400"
    """ADDRESS:PORT for other nodes; a named address is also used for outgoing connections"""
    peers: list[str] = []
    """nodes to dial always: ADDRESS:PORT, or NODEID@ADDRESS:PORT to pin an identity"""
    offer: Literal["shared", "downloads", "none"] = "shared"
    """what is offered: files in shared folders and finished downloads there; finished downloads only; nothing"""
    bandwidth_kbps: int = Field(default=0, ge=0)
    """cap of overlay upload in kilobits a second, shared evenly by the nodes that ask; 0 for none"""
    peer_bandwidth_kbps: int = Field(default=0, ge=0)
    """cap of overlay upload to any one node in kilobits a second; 0 for none"""
    max_peers: int = Field(default=64, ge=1, le=1000)
    """connections in all"""
    upload_slots: int = Field(default=4, ge=1, le=1000)
    """transfers served at once"""


class Dht(Section):
    """How mesh nodes find each other."""

    enabled: bool = True
    """find nodes through a Mainline DHT"""
    listen: str = "0.0.0.0:50401"
    """ADDRESS:PORT (UDP)"""
    listen6: str = ""
    """[ADDRESS]:PORT for IPv6, e.g. [::]:50401; empty for IPv4 alone"""
    bootstrap: list[str] = []
    """HOST:PORT of first nodes; with none the DHT waits (with public: known first nodes)"""
    public: bool = False
    """join the public BitTorrent DHT; tells the world that this address runs slskdn; without, only nodes of this program are spoken with"""
    announce_recordings: bool = False
    """announce recordings being moved (at most 100); recording keys can be enumerated, so this tells what you hold"""

    @property
    def names_recordings(self) -> bool:
        """Whether a recording's key may leave this node: on the public DHT only after the user opted in."""
        return not self.public or self.announce_recordings


class Network(Section):
    """Which addresses may be talked to."""

    permit: list[str] = []
    """private networks that peers may live in, e.g. 10.0.0.0/8; public addresses are always permitted"""


class Scheduler(Section):
    """How the cost of a peer is reckoned: alpha / throughput + beta * errors + gamma * timeouts."""

    alpha: float = Field(default=1000.0, gt=0)
    """weight of 1/throughput (KB/s) in the cost of a peer"""
    beta: float = Field(default=0.5, ge=0)
    """weight of the error rate"""
    gamma: float = Field(default=0.3, ge=0)
    """weight of the timeout rate"""
    rebalance_chunks: int = Field(default=10, ge=1)
    """compare peers and move chunks every so many chunks"""


class Rescue(Section):
    """When a transfer is doing badly enough to ask the mesh."""

    queued_s: float = Field(default=1800.0, gt=0)
    """queued longer than this: ask the mesh"""
    slow_bytes_s: float = Field(default=10240.0, ge=0)
    """slower than this (bytes a second over the last 60 s) ..."""
    slow_s: float = Field(default=300.0, gt=0)
    """... for this long: ask the mesh"""
    no_bytes_s: float = Field(default=120.0, gt=0)
    """no byte for this long: ask the mesh"""
    origin_share: float = Field(default=0.1, gt=0, le=1)
    """the origin keeps this share of the download limit while rescued (at least 2 KB/s)"""


class Fairness(Section):
    """Giving at least as much as taking. While a policy is broken, Soulseek goes first and overlay downloads are held back (docs/fairness.md)."""

    min_ratio: float = Field(default=1.0, ge=0)
    """total upload / total download over 7 days; 0 asks for none"""
    overlay_upload_cap: float = Field(default=2.0, ge=0)
    """overlay upload of 7 days may be at most so many times Soulseek upload; 0 for no cap"""
    daily_overlay_gb: float = Field(default=50.0, ge=0)
    """overlay download a UTC day, in GB; 0 for no cap"""
    grace_gb: float = Field(default=5.0, ge=0)
    """a newcomer's first GB: before so much was downloaded in 7 days no ratio is asked for, and so much may go up over the overlay in any case"""
    throttle_peers: int = Field(default=1, ge=1, le=64)
    """overlay peers a file while a policy is broken"""
    throttle_kbps: int = Field(default=2000, ge=1)
    """all overlay downloads together while a policy is broken, in kilobits a second"""


class Trace(Section):
    """What the scheduler did, kept for looking at."""

    keep_jobs: int = Field(default=100, ge=1)
    """traces of the last so many jobs are kept"""


class WarmCache(Section):
    """Keeping popular recordings for others."""

    enabled: bool = False
    """cache what many peers want"""
    max_storage_gb: float = Field(default=50.0, gt=0)
    """size of the cache"""
    min_popularity_threshold: int = Field(default=10, ge=1)
    """wanted, or had, by at least so many peers, each on a network of its own"""
    eviction: Literal["popularity", "lru"] = "popularity"
    """what makes room first: what fewest peers want, or what was not sent for longest"""
    keep_days: float = Field(default=90.0, gt=0)
    """what is not popular any more goes after so many days without being sent; pins stay"""
    folder: str = ""
    """where it lies; empty: in the profile's data folder. Never one that is shared or of the library"""


class Playback(Section):
    """Listening while a file still arrives."""

    lead_s: float = Field(default=30.0, gt=0)
    """seconds of music kept ahead of the play head"""
    player: str = "mpv"
    """player command; without it a URL to open is printed"""
    listen: str = "127.0.0.1:8765"
    """where players read from, on this machine's loopback; another port is taken when this one is in use"""


class Wishlist(Section):
    """Searches that repeat by themselves."""

    enabled: bool = True
    """search for wishlist items at the interval the server gives"""
    keep_results: int = Field(default=50, ge=1, le=500)
    """so many folders are kept a wish"""


class Notices(Section):
    """Telling others when an album has ended: once an album, never once a file."""

    command: str = ""
    """a command run through no shell, with the facts in SLSKDN_* variables and the album's folder as last argument"""
    webhook: str = ""
    """a URL that gets the facts as JSON; private addresses only as network.permit allows"""
    states: list[str] = ["completed", "failed"]
    """states of a job to tell about: completed failed paused cancelled searching"""
    timeout_s: float = Field(default=30.0, gt=0, le=600)
    """a command is ended, a request given up, after so many seconds"""


class Ui(Section):
    """The screens."""

    theme: str = "night"
    """a theme's name (`slskdn themes list`)"""
    refresh_hz: float = Field(default=1.0, ge=0.1, le=10)
    """how often screens look for changes"""
    ascii: bool = False
    """plain ASCII instead of line drawing"""
    mouse: bool = True
    """let the mouse be used; off keeps the terminal's own selection"""
    keymap: dict[str, str] = {}
    """other keys by command name, e.g. jobs.cancel: X"""


class Settings(Section):
    """All sections. Defaults stand alone: an empty file is a valid configuration."""

    soulseek: Soulseek = Field(default_factory=Soulseek)
    uploads: Uploads = Field(default_factory=Uploads)
    downloads: Downloads = Field(default_factory=Downloads)
    library: Library = Field(default_factory=Library)
    musicbrainz: MusicBrainz = Field(default_factory=MusicBrainz)
    acoustid: AcoustID = Field(default_factory=AcoustID)
    discogs: Discogs = Field(default_factory=Discogs)
    overlay: Overlay = Field(default_factory=Overlay)
    dht: Dht = Field(default_factory=Dht)
    network: Network = Field(default_factory=Network)
    scheduler: Scheduler = Field(default_factory=Scheduler)
    rescue: Rescue = Field(default_factory=Rescue)
    fairness: Fairness = Field(default_factory=Fairness)
    trace: Trace = Field(default_factory=Trace)
    warm_cache: WarmCache = Field(default_factory=WarmCache)
    playback: Playback = Field(default_factory=Playback)
    wishlist: Wishlist = Field(default_factory=Wishlist)
    notices: Notices = Field(default_factory=Notices)
    ui: Ui = Field(default_factory=Ui)
