"""One commit that sends a folder to the Hub, and what must hold before anything is sent.

A push that was cut off is finished by the next one. What it finds decides, in this order:

- no such repository: it is made, private unless told otherwise;
- the very files of the folder: the commit came through, and only its answer was lost, so there is nothing to do;
- no file beside `.gitattributes`, which the Hub writes itself: a repository that was made and not filled, or an empty one of the
  user's, where a commit overwrites nothing;
- anything else is somebody's data: only `force` replaces it, by one commit that also deletes what is not in the folder.

A repository that is there must be as public as is asked for. The commit names the one it was decided on as its parent, so the Hub
refuses it when somebody else commits meanwhile.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from synthgen.errors import ConfigError, HubError

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError

__all__ = ["Sent", "check_repo_id", "send"]

_THEIRS = ".gitattributes"
_KIND = "dataset"


@dataclass(frozen=True, slots=True)
class Sent:
    """Where the data set is now. `commit` is "" when the Hub had these very files already."""

    url: str
    commit: str
    files: int
    deleted: int


@dataclass(frozen=True, slots=True)
class _Repository:
    """A repository on the Hub: its last commit, and the digest of each file but those that the Hub writes."""

    commit: str
    private: bool
    files: dict[str, str]


def check_repo_id(repo_id: str) -> None:
    """Raises ConfigError for what is no `owner/name`."""
    from huggingface_hub.errors import HFValidationError
    from huggingface_hub.utils import validate_repo_id

    try:
        validate_repo_id(repo_id)
    except HFValidationError as error:
        raise ConfigError(f"{repo_id!r} is no name of a data set on the Hub: {error}") from None
    if repo_id.count("/") != 1:
        raise ConfigError(
            f"{repo_id!r} is no name of a data set on the Hub: write OWNER/NAME, OWNER being you or your organisation."
        )


def send(folder: Path, repo_id: str, *, public: bool, force: bool, message: str) -> Sent:
    """Have the data set `repo_id` hold the files of `folder` and no others.

    The token is that of HF_TOKEN or of the cached login. Raises HubError before anything is sent without a valid token or network,
    for a repository with other files (unless `force`) or of another visibility; later when the push is cut off or refused.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    files = {path.relative_to(folder).as_posix(): path for path in sorted(folder.rglob("*")) if path.is_file()}
    with _reached(api, repo_id, folder):
        user = _user(api)
        found = _find(api, repo_id)
    if found and found.private == public:
        raise HubError(f"{_visibility(repo_id, public)} Nothing was sent.")
    url = f"{api.endpoint}/datasets/{repo_id}"
    if found and _same(files, found.files):
        return Sent(url, "", len(files), 0)
    if found and found.files and not force:
        raise HubError(
            f"The data set {repo_id} is on the Hub already, with other files ({', '.join(sorted(found.files)[:3])}, …). Nothing was "
            f"sent. Choose another name, or add --force to replace all that is there by {folder}."
        )
    with _reached(api, repo_id, folder, user=user):
        commit, deleted = _commit(api, repo_id, files, found, public=public, message=message)
    return Sent(url, commit, len(files), deleted)


def _commit(
    api: HfApi, repo_id: str, files: dict[str, Path], found: _Repository | None, *, public: bool, message: str
) -> tuple[str, int]:
    """The repository, if it is new, and the commit. Returns that and how many files it deletes."""
    from huggingface_hub import CommitOperation, CommitOperationAdd, CommitOperationDelete

    if found is None:
        api.create_repo(repo_id, repo_type=_KIND, private=not public)
    stale = sorted(found.files.keys() - files.keys()) if found else []
    operations: list[CommitOperation] = [CommitOperationDelete(name) for name in stale]
    operations += [CommitOperationAdd(name, str(path)) for name, path in files.items()]
    with _quiet():
        made = api.create_commit(
            repo_id, operations, commit_message=message, repo_type=_KIND, parent_commit=found.commit if found else None
        )
    return str(made.oid), len(stale)


def _user(api: HfApi) -> str:
    """Who the token belongs to. Raises HubError for a token that is missing or wrong."""
    from huggingface_hub.errors import HfHubHTTPError, LocalTokenNotFoundError

    wanted = "Make one that may write at https://huggingface.co/settings/tokens, then `hf auth login` or `export HF_TOKEN=…`."
    try:
        return str(api.whoami()["name"])
    except LocalTokenNotFoundError:
        raise HubError(
            f"The Hub wants a token, and neither HF_TOKEN nor a cached login has one. Nothing was sent. {wanted}"
        ) from None
    except HfHubHTTPError as error:
        if error.response.status_code in (401, 403):
            raise HubError(
                f"The Hub refuses the token of HF_TOKEN or of the cached login. Nothing was sent. {wanted}"
            ) from None
        raise


def _find(api: HfApi, repo_id: str) -> _Repository | None:
    from huggingface_hub.errors import RepositoryNotFoundError
    from huggingface_hub.hf_api import RepoFile

    try:
        info = api.dataset_info(repo_id)
    except RepositoryNotFoundError:
        return None
    tree = api.list_repo_tree(repo_id, recursive=True, revision=info.sha, repo_type=_KIND)
    digests = {one.path: one.lfs.sha256 if one.lfs else one.blob_id for one in tree if isinstance(one, RepoFile)}
    return _Repository(str(info.sha), bool(info.private), {path: of for path, of in digests.items() if path != _THEIRS})


def _same(files: dict[str, Path], digests: dict[str, str]) -> bool:
    return files.keys() == digests.keys() and all(_digest(path, digests[name]) == digests[name] for name, path in files.items())


def _digest(path: Path, like: str) -> str:
    """What the Hub calls this content: its sha256 for a large file, git's own digest for one that is kept as it is."""
    if len(like) == 2 * hashlib.sha256().digest_size:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    content = path.read_bytes()
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


def _visibility(repo_id: str, public: bool) -> str:
    """Nobody's private data becomes public because of a repository that was there before."""
    if public:
        return f"The data set {repo_id} is private on the Hub. Make it public there, or leave --public out."
    return f"The data set {repo_id} is public on the Hub, and a push is private unless told. Make it private there, or add --public."


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the progress bars of the library, which write over ours."""
    from huggingface_hub.utils import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars

    before = are_progress_bars_disabled()
    disable_progress_bars()
    try:
        yield
    finally:
        if not before:
            enable_progress_bars()


@contextmanager
def _reached(api: HfApi, repo_id: str, folder: Path, *, user: str = "") -> Iterator[None]:
    """Has one paragraph say what the Hub refuses, or why it cannot be reached. `user` is given once sending has begun."""
    from huggingface_hub import errors

    transport = errors.HTTPError  # of whatever HTTP library it uses
    after = f"{'Nothing is lost' if user else 'Nothing was sent'}: {folder} is complete"
    try:
        yield
    except errors.OfflineModeIsEnabled:
        raise HubError(f"HF_HUB_OFFLINE is set, so the Hub is not asked. Unset it to push. {after}.") from None
    except errors.HfHubHTTPError as error:
        raise HubError(f"{_refusal(error, repo_id, user)} {after}; push again once that is mended.") from None
    except (transport, ConnectionError, TimeoutError) as error:
        raise HubError(
            f"{api.endpoint} cannot be reached, or cut the connection ({_line(error)}). {after}, and the same command goes on."
        ) from None
    except (ValueError, RuntimeError) as error:  # a refused card, or a file that did not get through
        raise HubError(f"The push to {repo_id} failed: {_line(error)}. {after}; push again once that is mended.") from None


def _refusal(error: HfHubHTTPError, repo_id: str, user: str) -> str:
    """What an answer of the Hub means for a push."""
    status = error.response.status_code
    if status in (401, 403):
        return (
            f"The Hub does not let {user or 'the owner of this token'} write to {repo_id} ({status}). Name a data set of your own or of "
            "an organisation that you may write to, and use a token that may write."
        )
    if status == 409:
        return f"The name {repo_id} is taken on the Hub, and this token does not see by what. Choose another one."
    if status == 412:
        return f"Somebody else has changed {repo_id} on the Hub meanwhile."
    return f"The Hub answered {status} ({_line(error.server_message or error)})."


def _line(error: object) -> str:
    """What an error says, and what it came from, on one line."""
    cause = getattr(error, "__cause__", None)
    text = " ".join(str(error).split()) or type(error).__name__
    return f"{text}: {_line(cause)}" if cause is not None and isinstance(error, RuntimeError) else text.rstrip(".")
