@echo off
rem Compares desktop and cloud in full and brings the cloud up to date: runs
rem "pgsync forward --full" from the folder of this file. Double-click it, type
rem it, or let the Task Scheduler run it with the argument /scheduled. Every other
rem argument goes to pgsync:
rem
rem   sync-full.bat --dry-run
rem   sync-full.bat jobshead
rem
rem It ends with pgsync's own exit code (README.md lists them), and with 2 where
rem the program or the configuration is missing. The window waits for a key only
rem after a double click; /scheduled or PGSYNC_NO_PAUSE=1 keep it from that.
setlocal DisableDelayedExpansion
set "RC=2"
set "SCHEDULED="
set "CONFIG=%PGSYNC_CONFIG%"
set "ARGUMENTS="

:next_argument
if "%~1"=="" goto enter_folder
if /i "%~1"=="/scheduled" set "SCHEDULED=yes"& shift /1& goto next_argument
if /i "%~1"=="--config" set "CONFIG=given"
set ARGUMENTS=%ARGUMENTS% %1
shift /1
goto next_argument

:enter_folder
rem Tasks start in System32, and a network path has no drive letter.
pushd "%~dp0"
if errorlevel 1 goto no_folder

set "PROGRAM="
if exist "target\release\pgsync.exe" set "PROGRAM=target\release\pgsync.exe"
if exist "pgsync.exe" set "PROGRAM=pgsync.exe"
if not defined PROGRAM goto no_program

if exist "config\pgsync.toml" set "CONFIG=found"
if exist "pgsync.toml" set "CONFIG=found"
if not defined CONFIG goto no_config

".\%PROGRAM%" forward --full%ARGUMENTS%
set "RC=%ERRORLEVEL%"
goto leave_folder

:no_program
echo error: there is no pgsync.exe beside sync-full.bat 1>&2
echo   hint: put pgsync.exe into "%~dp0" 1>&2
echo   hint: or build it there with: cargo build --release 1>&2
goto leave_folder

:no_config
echo error: there is no config\pgsync.toml beside sync-full.bat 1>&2
echo   hint: copy the folder config of pgsync into "%~dp0" and fill in config\.env 1>&2
goto leave_folder

:no_folder
echo error: could not enter the folder "%~dp0" 1>&2
goto wait

:leave_folder
popd

:wait
if defined SCHEDULED goto done
if defined PGSYNC_NO_PAUSE goto done
if not defined SESSIONNAME goto done
rem Only a double click starts us with cmd /c and a person before the screen.
rem The line may hold any path, so it is only ever expanded late.
setlocal EnableDelayedExpansion
set "STARTED=!CMDCMDLINE!"
if not defined STARTED goto not_clicked
if "!STARTED: /c =!"=="!STARTED!" goto not_clicked
pause

:not_clicked
endlocal & endlocal & exit /b %RC%

:done
endlocal & exit /b %RC%
